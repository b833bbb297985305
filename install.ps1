# Verifies the checksum of layerstash and installs it for the user who runs this. Never needs an administrator.
#
#   irm https://github.com/layerstash/layerstash/releases/latest/download/install.ps1 | iex
#   ./install.ps1 -Uninstall
#
# LAYERSTASH_VERSION       the version, such as 1.2.3 (default: the latest)
# LAYERSTASH_INSTALL_DIR   the directory for the program (default: ~\.local\bin)
# LAYERSTASH_RELEASES      a mirror of the releases (https only, except on this machine)
param([switch]$Uninstall)

# A script that was cut off does nothing: a block is not run without its end. It sees $Uninstall.
& {
  $ErrorActionPreference = 'Stop'
  $ProgressPreference = 'SilentlyContinue' # the progress bar of Windows PowerShell makes downloads slow

  function Get-Target {
    # A 32-bit or translated shell sees another processor, so the variable of the system comes first.
    $processor = $env:PROCESSOR_ARCHITEW6432
    if (-not $processor) { $processor = $env:PROCESSOR_ARCHITECTURE }
    switch ($processor) {
      'AMD64' { 'x86_64-pc-windows-msvc' }
      'ARM64' { 'aarch64-pc-windows-msvc' }
      default { throw "there is no program for the processor $processor" }
    }
  }

  function Get-Download([string]$Url, [string]$File) {
    try { Invoke-WebRequest -UseBasicParsing -Uri $Url -OutFile $File }
    catch { throw "could not download ${Url}: $($_.Exception.Message)" }
  }

  function Find-Asset([string]$Sums, [string]$Target, [string]$Wanted) {
    $pattern = "^([0-9a-f]{64}) [ *](layerstash-([0-9][0-9A-Za-z.+-]*)-$([regex]::Escape($Target))\.exe)$"
    $line = Get-Content $Sums | Where-Object { $_ -cmatch $pattern } | Select-Object -First 1
    if (-not $line) { throw "the release has no program for $Target" }
    $null = $line -cmatch $pattern
    if ($Wanted -ne 'latest' -and $Wanted.TrimStart('v') -ne $Matches[3]) {
      throw "the release $Wanted contains version $($Matches[3])"
    }
    @{ Digest = $Matches[1]; Name = $Matches[2]; Version = $Matches[3] }
  }

  # A running program cannot be replaced, but it can be moved. The next installation removes the moved file.
  function Move-IntoPlace([string]$Staged, [string]$Program) {
    $old = "$Program.old"
    if (Test-Path $old) { Remove-Item -Force $old }
    if (Test-Path $Program) { Move-Item $Program $old }
    try { Move-Item $Staged $Program }
    catch {
      if (Test-Path $old) { Move-Item $old $Program }
      throw
    }
    Remove-Item -Force -ErrorAction SilentlyContinue $old
  }

  function Install-Program([string]$Directory) {
    $releases = $env:LAYERSTASH_RELEASES
    if (-not $releases) { $releases = 'https://github.com/layerstash/layerstash/releases' }
    if ($releases -notmatch '^(https://|http://(127\.0\.0\.1|localhost):\d+(/|$))') { throw "$releases is not an https address" }
    $wanted = $env:LAYERSTASH_VERSION
    if (-not $wanted) { $wanted = 'latest' }
    $target = Get-Target
    $work = Join-Path ([IO.Path]::GetTempPath()) "layerstash-$([guid]::NewGuid())"
    $staged = Join-Path $Directory ".layerstash-$PID.exe"
    try {
      $null = New-Item -ItemType Directory -Path $work
      $sums = Join-Path $work 'SHA256SUMS'
      $of = if ($wanted -eq 'latest') { 'latest/download' } else { "download/v$($wanted.TrimStart('v'))" }
      Get-Download "$releases/$of/SHA256SUMS" $sums
      $asset = Find-Asset $sums $target $wanted
      $file = Join-Path $work $asset.Name
      Get-Download "$releases/download/v$($asset.Version)/$($asset.Name)" $file
      $actual = (Get-FileHash -Algorithm SHA256 $file).Hash.ToLowerInvariant()
      if ($actual -ne $asset.Digest) {
        throw "the checksum of $($asset.Name) is $actual, but should be $($asset.Digest): nothing was installed"
      }
      $null = New-Item -ItemType Directory -Force -Path $Directory
      Copy-Item $file $staged
      Move-IntoPlace $staged (Join-Path $Directory 'layerstash.exe')
    } finally {
      Remove-Item -Recurse -Force -ErrorAction SilentlyContinue $work, $staged
    }
    Write-Output "layerstash $($asset.Version) is installed: $(Join-Path $Directory 'layerstash.exe')"
    if (($env:PATH -split [IO.Path]::PathSeparator) -notcontains $Directory) {
      Write-Output 'Its directory is not on your PATH yet. Run this once, and open a new window:'
      Write-Output "  [Environment]::SetEnvironmentVariable('PATH', `"$Directory;`" + [Environment]::GetEnvironmentVariable('PATH', 'User'), 'User')"
    }
  }

  function Uninstall-Program([string]$Directory) {
    $program = Join-Path $Directory 'layerstash.exe'
    if (-not (Test-Path $program)) { throw "there is no $program to remove" }
    Remove-Item -Force $program
    Remove-Item -Force -ErrorAction SilentlyContinue "$program.old"
    Write-Output "layerstash was removed: $program"
  }

  $directory = $env:LAYERSTASH_INSTALL_DIR
  if (-not $directory) { $directory = Join-Path $HOME '.local\bin' }
  if ($Uninstall) { Uninstall-Program $directory } else { Install-Program $directory }
}
