/** The texts of the topics. `deno task topics` makes this file: edit the Markdown files beside it. @module */

/** The text of each topic, by its name. */
export const TOPIC_TEXTS: Readonly<Record<string, string>> = {
  recipes: `# Recipes

Copy, paste, and put your own names in. YOU is your user name. Each recipe works with every registry.

## A folder, in and out

\`\`\`console
$ layerstash upload photos ghcr.io/YOU/files:photos
$ layerstash download ghcr.io/YOU/files:photos restored
$ layerstash verify ghcr.io/YOU/files:photos restored
$ layerstash diff ghcr.io/YOU/files:photos photos
\`\`\`

The folder becomes an ordinary image: \`peek\`, \`extract\` and \`browse\` read single files of it. \`list\`, \`info\`
and \`remove\` know it, and \`upload --overwrite\` stores its next state: only what has changed is sent. \`verify\`
and \`diff\` compare contents: \`verify\` says whether a copy is right, \`diff\` what a next upload would change.

With tar in between, the folder is one stored file, which \`verify\` checks, too, and which keeps the owners of
its files. No archive is written to the disk:

\`\`\`console
$ set -o pipefail
$ tar c photos | layerstash upload - ghcr.io/YOU/files:photos.tar
$ mkdir -p unpacked && layerstash download ghcr.io/YOU/files:photos.tar - | tar x -C unpacked
\`\`\`

Whatever tar wrote is stored, even if tar failed. \`set -o pipefail\` makes the line fail then; remove what is
stored, and try again.

## A backup every night

This script stores a folder under today's date and keeps the last 14. Save it as \`nightly.sh\`:

\`\`\`bash
# nightly.sh
set -euo pipefail
PATH="$HOME/.local/bin:$PATH"
repository=ghcr.io/YOU/backup
tar c -C "$HOME" Documents | layerstash upload - "$repository:documents-$(date +%F)" --quiet
layerstash list "$repository" | awk '/^documents-/ {print $1}' | sort | head -n -14 |
  while read -r old; do layerstash remove "$repository:$old" --quiet > /dev/null; done
\`\`\`

\`\`\`console
$ bash nightly.sh
\`\`\`

If that works, let cron run it. Type \`crontab -e\` and add this line; cron mails you what the script prints,
and it prints errors only:

\`\`\`text
17 3 * * *  bash "$HOME/nightly.sh"
\`\`\`

If a night is interrupted, run the script again on the same day: chunks that are stored are not sent again.

## A database

\`\`\`console
$ set -o pipefail
$ pg_dump shop | gzip | layerstash upload - ghcr.io/YOU/backup:shop-$(date +%F)
$ layerstash download ghcr.io/YOU/backup:shop-$(date +%F) - | gunzip | psql shop
\`\`\`

A dump differs each time. So when an upload is interrupted, its next run brings other bytes, which are a
conflict: add \`--overwrite\`. Or dump to a file and upload the file, which can be resumed.

## GitHub Actions

A workflow needs no token of yours: \`GITHUB_TOKEN\` may write packages if the job says so. The package belongs
to the repository, and is private at first.

\`\`\`yaml
# .github/workflows/store.yml
name: store
on:
  push:
    branches: [main]
jobs:
  store:
    runs-on: ubuntu-latest
    permissions:
      contents: read
      packages: write
    env:
      FILES: ghcr.io/\${{ github.repository }}/files
    steps:
      - uses: actions/checkout@v5
      - run: curl -fsSL https://github.com/layerstash/layerstash/releases/latest/download/install.sh | sh
      - run: echo "$HOME/.local/bin" >> "$GITHUB_PATH"
      - run: echo "$GITHUB_TOKEN" | layerstash login ghcr -u "$GITHUB_ACTOR" --password-stdin
        env:
          GITHUB_TOKEN: \${{ secrets.GITHUB_TOKEN }}
      - run: tar c . | layerstash upload - "\${FILES,,}:build-$GITHUB_RUN_NUMBER"
\`\`\`

Repositories of a registry have small letters only, and \`\${FILES,,}\` makes them so.

## A registry of your own, with a password and TLS

Save this as \`compose.yml\`. Port 443 of the machine has to be free.

\`\`\`yaml
# compose.yml
services:
  registry:
    image: registry:3
    restart: always
    ports: ["443:5000"]
    environment:
      REGISTRY_AUTH: htpasswd
      REGISTRY_AUTH_HTPASSWD_REALM: files
      REGISTRY_AUTH_HTPASSWD_PATH: /auth/htpasswd
      REGISTRY_HTTP_TLS_CERTIFICATE: /certs/registry.crt
      REGISTRY_HTTP_TLS_KEY: /certs/registry.key
      REGISTRY_STORAGE_DELETE_ENABLED: "true"
    volumes:
      - ./data:/var/lib/registry
      - ./auth:/auth:ro
      - ./certs:/certs:ro
\`\`\`

Make a password and a certificate, and start it. (\`htpasswd\` is in Debian's package apache2-utils.) If you
have a certificate for the host already, use that.

\`\`\`console
$ mkdir -p auth certs data
$ echo "$TOKEN" | htpasswd -iBc auth/htpasswd YOU
Adding password for user YOU
$ openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=registry.example.com \\
    -addext subjectAltName=DNS:registry.example.com \\
    -keyout certs/registry.key -out certs/registry.crt 2> openssl.log
$ docker compose up -d
$ layerstash login registry.example.com -u YOU
$ layerstash upload disk.img registry.example.com/me/files:disk
\`\`\`

With a certificate that you made yourself, add \`--ca-file certs/registry.crt\`, or set \`LAYERSTASH_CA_FILE\`.
[Files](files.md) says when a registry frees the space of what you remove.

## A restore drill

A backup that was never restored is a hope. Once a month, read every byte back, and look inside:

\`\`\`console
$ layerstash verify ghcr.io/YOU/files:photos.tar --deep
photos.tar is OK: 10.2 KB in 1 chunk, every byte was read
layerstash: verified photos.tar: …
$ layerstash download ghcr.io/YOU/files:photos.tar - --quiet | tar t
photos/
photos/lake.jpg
\`\`\`

For a file that you still have, \`verify\` compares:

\`\`\`console
$ layerstash upload disk.img ghcr.io/YOU/files:disk --quiet
$ layerstash verify ghcr.io/YOU/files:disk disk.img
disk is OK: 2.56 KB in 1 chunk, disk.img is the same; the stored bytes were not read (--deep reads them)
layerstash: verified disk: …
\`\`\`

## Share a file with everybody

A repository on Docker Hub is public unless you say otherwise. A package on GHCR is private: open it on
GitHub, then _Package settings_, _Change visibility_. After that nobody needs a login:

\`\`\`console
$ layerstash download ghcr.io/YOU/files:disk shared.img
layerstash: wrote shared.img: 2.56 KB, verified, …
\`\`\`

Who has no layerstash gets a [script](format.md#without-layerstash) that needs sh, curl and sha256sum alone:

\`\`\`console
$ layerstash url localhost:5000/me/files:disk > restore.sh
$ sh restore.sh shared-too.img
\`\`\`

For a small file one line of curl is enough. Store it as a [blob](dxf.md), in a registry that lets anybody
read:

\`\`\`console
$ layerstash blob push disk.img localhost:5000/me/public:disk --quiet
sha256:…
$ layerstash url localhost:5000/me/public @disk
http://localhost:5000/v2/me/public/blobs/sha256:…
curl -fL -o 'disk' 'http://localhost:5000/v2/me/public/blobs/sha256:…'
\`\`\`

## Encrypt

Whoever runs the registry can read what you store. With \`--encrypt-to\` only the owner of a key can:

\`\`\`console
$ layerstash keygen key.txt --quiet > public.txt             # keep key.txt: nobody can make another
$ layerstash upload disk.img oci:./box/me/files:secret --encrypt-to public.txt --quiet
$ layerstash download oci:./box/me/files:secret plain.img --identity key.txt --quiet
\`\`\`

[Encryption](encryption.md) has the rest: passphrases, several keys, and what others still see.
`,
  files: `# Files

A stored file is called a stash. Its bytes lie in a repository, in one or more chunks.

## Addresses

An address is \`[REGISTRY/]REPOSITORY[:NAME]\`, as docker has it. The first part is a registry if it has a dot
or a colon, or is \`localhost\`. Without a registry, Docker Hub is meant.

| address                       | what it names                                                   |
| ----------------------------- | --------------------------------------------------------------- |
| \`me/files:disk\`               | the file \`disk\` in a repository on Docker Hub                   |
| \`ghcr.io/me/files:disk\`       | the same on GHCR                                                |
| \`localhost:5000/me/files\`     | a repository of a registry on this machine                      |
| \`ghcr.io/me/files@sha256:...\` | a file by its digest, which \`upload\` and \`info\` print           |
| \`oci:./box/me/files:disk\`     | a file in the directory \`box/me/files\`, which is one OCI layout |

\`upload FILE... ADDRESS\` stores several files, each under its own name; so does an address without a name.
\`download ADDRESS\` writes the file under the name that it had, \`download ADDRESS DEST\` to a file or into a
directory. \`-\` is standard input or output. The date in a list is when the file was last modified; for
standard input, when it was stored.

A directory needs no server and no login. You can copy it anywhere, and other tools can read it: it is a
standard [OCI image layout](https://github.com/opencontainers/image-spec/blob/main/image-layout.md).

Other names of the commands work, too: \`push\` and \`put\`, \`pull\` and \`get\`, \`cat\` (to standard output), \`ls\`,
\`rm\`. [Options](options.md) can say in pieces what an address says.

## Chunks

A chunk has 5 GiB, on GHCR 512 MiB. \`--chunk-size 500MB\` sets another [size](options.md#sizes). A file has at
most 100,000 chunks. With smaller chunks, less is lost when an upload is interrupted. When you store the same
file again, use the same chunk size. Chunks with the same bytes are stored once.

## Directories

\`upload DIR ADDRESS\` stores a directory as an ordinary image, which docker, podman and Kubernetes unpack or
mount. Its layers are in the eStargz form; those of files hold some 128 MiB each, and the last one holds all
directories. Modes, times, symbolic and hard links and empty directories come back; on Linux with times to the
nanosecond, and with names that are not UTF-8; on Linux also extended attributes, of those \`user.*\` and
\`security.capability\`. Owners are stored with \`--keep-owner\` alone, as numbers; sockets, pipes and devices are
not. Set-user-ID and set-group-ID bits come back with the owners only; \`verify\` counts them, and takes none
for a fault. Holes of sparse files are stored as zeros, which come back as holes.

Of a directory that was stored before, only layers with files that have changed are read and sent;
\`--overwrite\` replaces another folder or image of this name. \`--exclude GLOB\` leaves out what such a line of
\`.gitignore\` would match, \`--exclude-from FILE\` what the lines of a file would (empty lines and those with \`#\`
do not count, and \`!\` is an error), and \`--dry-run\` only says what would be sent. A glob that leaves out
nothing is named, and it is an error if everything is left out. \`download ADDRESS DIR\` makes a new directory,
or completes one: files with the size and time of the stored ones are not fetched, or, with \`--checksum\`,
those of the same content; \`--overwrite\` replaces those that differ, \`--delete\` removes what is not in the
folder, and \`--only GLOB\` brings back what such a line would match: \`*.txt\` and \`img\` at any depth, \`/img\` at
the top. Where a file has another time alone, \`--checksum\` settles whether it differs.

Files get their names when all of them are there. What an interrupted download has fetched stays in a hidden
directory: \`.NAME.layerstash-part\` beside a new one, \`.layerstash-part\` in one that was there. The same
command goes on with it, and removes it at its end; one that brings another state or another part of the
folder to the same place begins anew. Nothing else removes it: to give up, use \`rm -rf\`. In a directory it is
neither stored nor compared.

\`--same-owner\`, which needs root, gives everything to the owner that is stored (without \`--keep-owner\` of
\`upload\` that is root), with set-ID bits and \`security.capability\`.

\`list\` shows folders after the files, \`info\` what one holds and its layers; \`remove\` and \`copy\` take it as
they take a file. \`verify\` asks for all of its layers; \`--deep\` reads every byte, and checks that each table
of contents lists what its layer has. \`verify ADDRESS DIR\` names what differs in a directory, by contents:
what has another time alone is only counted. \`diff\` names that, too, and compares two folders. \`url\` prints a
script that restores one with \`curl\` and GNU tar. [Encryption](encryption.md#folders) is for folders, too. In
an index, the folder for \`--platform\` is meant.

## Nothing is replaced unasked

**In a registry.** A second run of the same \`upload\` sends nothing. If the name holds another file or folder,
that is a conflict, exit code 6, and nothing changes unless you add \`--overwrite\`. The same holds for the tags
that \`copy\`, \`save\`, \`append\`, \`blob push\`, \`blob mount\` and \`alias set\` put; only \`append\` without \`--to\`
moves the tag of its base, as it is asked to. The hint is the line with \`--overwrite\` in its place. A file
never replaces a folder, nor a folder a file: \`remove\` that first.

With \`--overwrite\`, the old file stays whole under its name until all chunks of the new one are stored; both
take up space until then. Then the tags move: in a directory all at once, in a registry one after the other,
that of the last chunk last. If the run is interrupted before that, nothing has changed, and the same command
sends only what is missing (standard input comes from its beginning again). If it is interrupted while the
tags move, the file is torn or incomplete (see below) until the same command has moved the others. Some
registries delete what has no tag within hours (Quay after one). If an upload takes longer there, \`remove\` the
old file first: then each chunk gets its tag as soon as it is stored.

**On disk.** \`download\`, \`blob pull\`, \`save --layer\` and \`extract\` end with exit code 6 if another file has
the name, unless you add \`--overwrite\`. A download leaves a file with the right bytes as it is, and replaces
an empty one. It goes on only in \`FILE.part\`: if another program has fetched a beginning, give it that name. A
\`FILE.part\` is left alone, with exit code 6, if it belongs to another user, has a second name, or does not
begin as the file does. Where no journal tells, one whole chunk or the first 64 KiB have to be right.
\`--overwrite\` begins it anew.

**Tags of others.** A build may tag an image \`app-7\`, and the chunks of a stored file \`app\` have tags that
look alike. A tag belongs to a stored file only if its image is a chunk. Other images are never read as
chunks, and never replaced or removed, not even with \`--overwrite\`. To tell them apart, \`list\` reads the
manifest and the config of the first and the last chunk of each name; \`upload\` and \`remove\` read those of
every tag of the name. In turn, images and aliases never replace a chunk, and \`alias remove\` and
\`blob remove @ALIAS\` never remove one.

## Complete, incomplete, torn

\`list\`, \`info\`, \`verify\` and \`download\` judge a stored file by the same words:

| a file is      | what that means                                                                               | what mends it      |
| -------------- | --------------------------------------------------------------------------------------------- | ------------------ |
| **complete**   | its last chunk lists all others: \`download\` brings it back                                    |                    |
| **incomplete** | the tag of its first or last chunk is missing: an upload or copy was interrupted              | the same run again |
| **torn**       | its chunks are of different uploads: one was interrupted while it moved the tags of the other | the same run again |

Of a torn file, the old one may still be there: where the tag of its last chunk has not moved yet, the hint
names the digest by which \`download\` brings it back.

A complete file may have lost the tag of a chunk in its middle, or something else has that tag now. The last
chunk lists the others, so the file still comes back, but a registry that collects garbage takes that chunk.
\`list\` says which tag is missing, and does not look at what those in the middle hold. \`info\` asks for each,
and says what is wrong; for \`verify\` it is a fault, and it also asks for every chunk. The same upload puts a
tag back, unless it holds an image of somebody else. Of a file that the Python layerstash stored, every
missing tag makes it incomplete. The exit code of an incomplete file is 3, that of a torn one or of a fault 5.

## Removal, and when the space is freed

Some registries delete a tag by its name. Others delete a manifest with all its tags; there, layerstash first
moves the tag to a placeholder of its own. Docker Hub and GHCR support neither; there it uses the Docker Hub
API and the GitHub Packages API, with a token that may delete. Anything that could not be removed is named,
with the reason.

The space is freed:

- **In a directory**, at once. \`--overwrite\` frees what it replaced when the new file is complete. Blobs
  without a tag stay. Those that a killed upload or \`recipients set\` stored are used by its next run; after
  that, \`remove\` frees them. Those of aliases that were moved or removed go with \`blob remove\`. What a
  given-up \`--overwrite\` had stored stays as well; in a registry, the next collection of garbage takes it.
  \`umoci gc --layout DIR\` frees all that no tag leads to, also blobs without an alias: let nothing write there
  meanwhile. The next command that writes to the directory removes what a killed one had begun to write
  (\`.layerstash-draft-*\`); what a client of \`serve\` has begun to send and not ended (\`.layerstash-upload-*\`)
  goes after seven days.
- **On Docker Hub and GHCR**, later.
- **In a registry of your own**, when it collects garbage: with distribution,
  \`registry garbage-collect CONFIG\`. Restart it then: its cache may name blobs that are gone, and it would not
  take them again.

A registry keeps a manifest without a tag, and its blobs. So \`remove\`, and \`--overwrite\` when the new file is
complete, also delete the manifests of chunks by their digest, if no tag of the repository, no index that has
a tag and no referrer names them any more. To find out, layerstash reads every tag of the repository once, up
to 2,000 tags, and before each deletion those that have come meanwhile. While it does that, nobody should move
another tag to the very same chunk, as \`upload --overwrite\` of the same file under another name would: a tag
that was read before, or that comes in the instant of the deletion, is lost. Such an \`upload\` notices that if
it is still running.

Where that cannot be shown, the manifests stay: distribution 3.1 on S3 leaves out of its list each tag that
begins with another tag. So a list proves something only if it has such a pair (\`disk-1\` and \`disk-10\`), or
the registry is older, and has refused to remove a tag by its name. In distribution 3 (not 2!),
\`registry garbage-collect --delete-untagged CONFIG\` frees what stays. **Do not use \`--delete-untagged\` with
distribution 2**: it also deletes the images in an index that have no tags of their own, so that
multi-platform images of others are lost.

## Copying

\`copy\` takes a stored file or a folder to another name, repository, registry or directory:

\`\`\`console
$ layerstash upload disk.img localhost:5000/me/files:disk
$ layerstash copy localhost:5000/me/files:disk ghcr.io/YOU/backup:disk
\`\`\`

The chunks stay as they are; their manifests get [the format](format.md) that an upload to the target makes.

## What other programs have stored

\`download\` also brings back what other programs keep in registries, under the names that they give. Each file
is fetched with several ranges, goes on after an interruption, and is verified.

\`\`\`console
$ layerstash download ghcr.io/me/charts/web:0.1.0 charts/
charts/web-0.1.0.tgz.prov
charts/web-0.1.0.tgz
layerstash: wrote 2 files: …; Helm chart
\`\`\`

| what lies there                | its files                                                                                |
| ------------------------------ | ---------------------------------------------------------------------------------------- |
| files of oras                  | by their titles; directories that oras has packed are unpacked                           |
| Helm charts                    | \`NAME-VERSION.tgz\`, and the signature \`NAME-VERSION.tgz.prov\`                            |
| models of ModelPack and docker | by their paths; where older ones have none, as \`model.gguf\`, \`template.jinja\`, \`LICENSE\` |
| models of ollama               | \`model.gguf\`, \`template.txt\`, \`params.json\`, \`LICENSE\` and so on: ollama has no names    |
| bottles of Homebrew            | by the file's name; \`--platform 'darwin/arm64:macOS 14'\` chooses one                     |
| aliases, as dxf makes them     | by the name of the alias; several blobs as \`NAME-1\`, \`NAME-2\`                            |
| any other blob without a title | by the last part of the repository's name                                                |

\`-o\` is a directory, the current one by default; for a single file it may be its path. \`--only '*.gguf'\`
chooses files, as of [directories](#directories), and may be repeated. \`-t\` takes a digest too. \`info\` shows
what a tag holds, and \`list --all\` what all of them hold. A stored file comes before anything else of its
name; a container image is no file: see [Images](images.md).

The names come from outside. A name that is absolute, leads out of the directory, has control characters, or
stands for the same file as another one, is refused before the first byte is fetched. Nothing is written
through a link, and nothing is replaced without \`--overwrite\`.

## Speed

Files are hashed in a separate thread, while they are transferred. A download is fetched in parts of at most
32 MiB over several connections; the last parts are smaller, and one that takes long is shared with a
connection that has nothing else to do, so that all end together. An upload sends several chunks at once, each
over its own connection, in parts that grow to what goes up in ten seconds. layerstash starts with four
connections and adds two at a time, up to sixteen, as long as they carry more and the transfer goes on for
long enough. Where the rate falls by half, the last two go again. After a failed attempt, such as an answer
429 of the registry, it halves the number, once for all connections that failed together. Chunks of an upload
that are too many then wait for their turn; so a line that is too slow for several at once, at a registry that
cuts off what takes long, still gets them through one by one. \`--jobs N\` sets a fixed number.

\`--limit-rate 10MB\` limits all connections together to ten million bytes per second, up and down. It works
with every command that moves whole blobs; it is for connections, not for directories.

\`deno task bench --quick\` compares all that on your machine with curl, crane, regctl, oras, skopeo and umoci:
over a long line, with TLS, inside the machine, with files and images. It writes \`bench.html\`, a page with
plots, and \`bench.json\`. A ratio below 1 means that layerstash took less time; compare within one run only.
Without \`--quick\` it takes about an hour; \`--help\` names the loads, to run some of them.
`,
  encryption: `# Encryption

Whoever runs a registry can read what you store there, and a public repository shows it to everybody, for
good: when you remove it, others may have copies. What is encrypted on your machine, nobody reads without the
key.

\`\`\`console
$ layerstash keygen key.txt > public.txt    # key.txt is secret, and public.txt is for everybody
layerstash: wrote key.txt: keep a copy, because nobody can decrypt without it
$ layerstash upload disk.img oci:./box/me/files:secret --encrypt-to public.txt --quiet
$ layerstash download oci:./box/me/files:secret copy.img --identity key.txt --quiet
$ cmp disk.img copy.img
\`\`\`

\`--encrypt-to\` takes a public key (\`age1...\`), or a file that has some, one in a line. Give it several times,
and each of their owners can decrypt. Only \`download\`, \`blob pull\` and what else reads the bytes need
\`--identity\`; \`list\`, \`copy\`, \`remove\` and \`verify\` do without a key.

With \`--passphrase\`, a passphrase takes the place of keys. It is asked for on the terminal, twice when you
store, also where standard input is a pipe (not on Windows). Scripts put it into the first line of a file:

\`\`\`console
$ echo "correct horse battery staple" > passphrase.txt
$ export LAYERSTASH_PASSPHRASE_FILE=passphrase.txt
$ layerstash upload disk.img oci:./box/me/files:private --passphrase --quiet
$ layerstash download oci:./box/me/files:private copy2.img --passphrase --quiet
\`\`\`

Everybody who gets at the bytes can try passphrases, as many as time allows: take a long one. A key cannot be
guessed.

## Keys

\`keygen\` writes the file that \`age-keygen\` writes, readable for you alone. Keep a copy of it elsewhere: nobody
can make another one. \`keygen --post-quantum\` makes a key that also withstands a quantum computer. Its public
key is long, and is not mixed with others. Keys of SSH and plugins of age are not supported.

Secret keys and passphrases are taken from files and from the terminal, never from the command line, which
others on the machine can see. Without a key that fits, a command writes nothing and ends with exit code 4;
bytes that were changed end with exit code 5.

## Interrupted

The same command goes on, on the same machine: a [journal](troubleshooting.md#journals) keeps the key of an
upload until it is complete. It has to have the same recipients and the same \`--chunk-size\`. Standard input
has to bring the same bytes again: stored chunks are compared and not sent again, and the rest is. If a stored
chunk has other bytes now, that is a conflict, and \`--overwrite\` sends all of it with a new key. Without the
journal, or on another machine, it is a conflict too.

## Others, later

\`recipients list\` shows how many keys decrypt a file, and of which types; whose they are, an age file does not
say. \`recipients add\` lets others decrypt it as well, and \`recipients set\` those who are named, and nobody
else: name yourself, too. A key that decrypts the file already is not added again: layerstash notes inside
what is encrypted for which keys it is, so that whoever can decrypt it can tell whether a key that they have
is among them. \`recipients set --new-passphrase --passphrase\` changes the passphrase; scripts put the new one
into the file that \`LAYERSTASH_NEW_PASSPHRASE_FILE\` names.

\`\`\`console
$ layerstash keygen bob.key > bob.txt
layerstash: wrote bob.key: keep a copy, because nobody can decrypt without it
$ layerstash recipients add oci:./box/me/files:secret bob.txt --identity key.txt --quiet
$ layerstash recipients list oci:./box/me/files:secret
X25519
X25519
$ layerstash recipients set oci:./box/me/files:secret public.txt --identity key.txt --quiet
\`\`\`

Only the headers of the chunks are new: nothing is encrypted again. A blob cannot be changed in its place, so
all chunks are fetched and sent once, and while that lasts, the file can be read as it was. It takes nothing
back: whoever could decrypt the file may have kept it, or its key, and a registry may keep what was replaced.
Who is not to read what comes next gets a new upload: \`upload --overwrite\`, for the others alone.

## Folders

A directory is stored encrypted in the same way, and everything that reads it takes the key: \`download\`,
\`peek\`, \`extract\`, \`browse\`, \`diff\`, \`inspect\`, \`save\`, \`info\`, \`verify ADDRESS DIR\`, \`serve\`.

\`\`\`console
$ mkdir -p notes && echo "nobody else reads this" > notes/plan.txt
$ layerstash upload notes oci:./box/me/files:notes --encrypt-to public.txt --quiet
$ layerstash extract oci:./box/me/files:notes plan.txt -o - --identity key.txt --quiet
nobody else reads this
$ layerstash verify oci:./box/me/files:notes
notes is OK: encrypted, … in 2 layers, all layers are present; their bytes were not read (--deep reads them)
\`\`\`

Each layer is a file of age. Names, sizes, digests and the tables of contents are inside: no engine can mount
such a folder, and \`list\` calls it an encrypted folder. The same upload again sends nothing, and one changed
file its pack, by the [journal](troubleshooting.md#journals) of this machine, which has no key. Without the
journal it is a conflict, unless \`--identity\` opens what is stored: then the digests in it are compared. For
other recipients, everything is encrypted anew, with \`--overwrite\`. A pack that was on its way when an upload
was killed is sent again from its beginning. \`recipients\` is for files alone.

## Blobs

\`\`\`console
$ layerstash blob push disk.img oci:./box/me/files:image --encrypt-to public.txt --quiet
sha256:…
$ layerstash blob pull oci:./box/me/files:image --identity key.txt --range 0-99 | wc -c
…
\`\`\`

Ranges are those of the file. Only what they need is fetched, in pieces of 64 KiB, and each piece is checked
before a byte of it is given out.

## What others still see

| whoever has the registry, or the way there, sees | and does not see                               |
| ------------------------------------------------ | ---------------------------------------------- |
| the names of the repository and of the tags      | the name of the file, where the tag is not it  |
| that it is encrypted, and with age               | the bytes of the file, and their digests       |
| how many chunks there are, and their sizes       | which file it is, if you store it again        |
| the size of the file, to some bytes              | what has changed in it                         |
| the time of the upload, and who has signed in    | the time of the file                           |
| how many keys can decrypt it, and of which kind  | whose keys they are                            |
| of a folder: its layers, and the size of each    | its files: their number, names, sizes, digests |
| which of its layers are the same as last time    | which files these have                         |

Whoever can write to the repository can remove what is there, and put an older or another file of yours in its
place. They can also encrypt a file or a folder of their own, because public keys are public, or store one
that is not encrypted, which \`download\` says: pin the digest that \`upload\` prints, if it matters who made it.
Chunks and layers cannot be reordered, left out, or mixed with those of another without notice. What you
stored without encryption before, and replace with \`--overwrite\`, a registry may keep.

## With age

Every chunk, every layer of a folder, and every blob, is an ordinary file of
[age](https://age-encryption.org), so \`age\` decrypts what layerstash stored, and layerstash decrypts with
\`blob pull --identity\` and \`download --identity\` what \`age\` wrote (an age file that was cut into chunks comes
over one connection, from its beginning each time):

\`\`\`console
$ layerstash blob pull oci:./box/me/files:image -o disk.age --quiet
$ age -d -i key.txt disk.age | cmp - disk.img
\`\`\`
`,
  images: `# Images

Look into an image without pulling it, put a layer on it, copy it. Nothing is run, and no engine is needed.

## How to name one

| name                                 | what it is                                         |
| ------------------------------------ | -------------------------------------------------- |
| \`nginx:alpine\`, \`ghcr.io/me/app:1.2\` | an image in a registry, as docker names it         |
| \`localhost:5000/app@sha256:...\`      | one by its digest                                  |
| \`oci:DIR:TAG\`                        | one in a directory, which is one OCI layout        |
| \`oci:DIR\`                            | the only image of a layout, even one without a tag |
| \`docker-archive:FILE.tar\`            | one in a file of \`docker save\` or \`podman save\`    |
| \`oci-archive:FILE.tar\`, \`./FILE.tar\` | one in a file of \`skopeo copy\` or \`crane pull\`     |

In a layout, the full names of docker, podman and skopeo work too, as in
\`oci:DIR:docker.io/library/nginx:1.27\`. A name that several images have is refused, and the error says how to
name each.

**Platforms.** \`--platform linux/arm64\` chooses one of several; the default is Linux on this machine's
processor. Images for Windows differ in its version: \`--platform windows/amd64:10.0.20348.2227\`. An image for
a single platform is taken as it is, unless \`--platform\` names another.

**Archives** are read in place, without unpacking. They can be inspected, listed, extracted from, copied,
saved and appended to; the result goes elsewhere. \`:NAME\` after the file chooses one of several images. Where
an archive has the lists of both docker and OCI, \`docker-archive:\` takes docker's. Decompress a compressed
archive first.

## Looking into images

\`\`\`console
$ layerstash inspect nginx:alpine                        # platforms, labels, layers, build steps
$ layerstash layers nginx:alpine                         # one layer per line, with the command that made it
$ layerstash peek nginx:alpine /etc/nginx                # what a container sees, and the layer of each file
$ layerstash peek nginx:alpine --layer 2                 # one layer, as its archive has it; or --layer all
$ layerstash peek nginx:alpine --hidden                  # also what later layers remove or replace
$ layerstash peek nginx:alpine --tree '**/*.conf'
$ layerstash extract nginx:alpine etc/os-release -o -    # one file, to standard output
$ layerstash extract nginx:alpine /etc/nginx -o - | tar tv   # a directory, as a tar archive
$ layerstash extract nginx:alpine /etc/nginx -o out      # makes out/etc/nginx, with modes, times and links
$ layerstash extract nginx:alpine '**/*.conf'            # to a new directory, nginx-alpine
$ layerstash diff nginx:alpine ghcr.io/me/app:1.2        # what differs, a line each
$ layerstash browse nginx                                # all of that with the arrow keys
\`\`\`

\`peek\` and \`extract\` also list and extract the files of an artifact, as \`oras push\` stores them, by their
titles. A layer that is neither an archive nor such a file is passed over and named.

Without \`-o\`, \`extract\` makes a new directory that is named after the image and its tag. It never writes to
the current directory by itself: programs look for their settings there, and an image may contain some.

\`peek\` and \`extract\` fetch only what they need, and report how many bytes that was. If you read only a part of
a layer, its digest cannot be checked and a message says so; \`--verify\` reads all of it.

The eStargz format adds files of its own to layers: \`stargz.index.json\`, a table of contents, and landmarks.
\`peek --layer\` lists them, and \`extract\` gives one that is named exactly; elsewhere they are left out.

## Comparing

\`diff A B\` takes images, folders and directories: a word that is a directory here is that directory, and
\`docker.io/library/NAME\` is always an image. A line says \`added\`, \`removed\` or \`changed\`, mode, size and path,
and what has changed: content, size, mode, time, owner, the target of a link, and whether files are one file.
\`--ignore time\` leaves out what every build changes. Of a directory on the disk, owners and extended
attributes are not compared; neither are owners with a folder. Pipes, sockets and devices in it are named, and
not compared.

What both have in common is not fetched: of two folders the layers that are equal, of two images the lower
layers, unless only they tell whether a file is new. Contents are compared by the digests in tables of
contents; files of other layers are hashed while the layers are read, and files on the disk where they are.
The exit code is 0 if nothing differs, 1 if something does, and another one if the comparison failed.

## How much is fetched

The search for a file starts at the top layer and stops at the layer that has it. That layer is read to its
end, because a layer may have a path twice, and the last entry is the one that counts. Of an uncompressed
layer only the headers are fetched; of an eStargz or zstd:chunked layer only its table of contents, and then
the bytes you want. Other layers are compressed as a whole, so listing their files means fetching them. If a
registry does not support ranges, each of these costs the whole layer, and a message says so.

## What is verified

A layer that was read to its last byte is checked against its digest. A table of contents that the manifest
names proves the contents of the files that it lists, but not that it lists all: it may hide files that
container engines unpack. A message then says that the table alone was checked, and \`--json\` has \`byTable\`. A
part of another layer has no digest, and is called not verified; layers that are not needed do not count.
Where a file's own layer was checked, and layers above were read in part, only its contents are called
verified. \`--verify\` reads every layer whole.

## The merged view

\`peek\` and \`extract\` show what a container engine would unpack, with whiteouts, opaque directories and links
resolved. A trailing slash follows a link: if \`lib\` is a link to \`usr/lib\`, then \`lib/\` is everything in that
directory. A file that is called like a glob, such as \`[id].js\`, is meant before the glob. Layers may be tar,
tar+gzip or tar+zstd; the first bytes tell which. Supported are PAX and GNU names, all sparse formats, and
sizes over 8 GiB. Names that are not UTF-8 are listed with their bytes, as \`caf\\xe9\`; \`extract\` cannot write
them, nor names that are too long: it names them, extracts the rest, and ends with exit code 1. In JSON such a
byte is a lone surrogate, as in Python's \`surrogateescape\`. Of a damaged layer \`peek\` lists what it could
read, and then fails; so it does where other bytes follow the gzip data, which container engines refuse.

**A directory as tar.** \`extract IMAGE DIR -o -\` writes an archive that unpacks to what \`-o OUT\` would write.
The same image gives the same bytes. Layers are read twice for it: first the names of all layers, because an
upper layer may hide what a lower one has, then the contents. Nothing is kept on the disk, but a compressed
layer is fetched twice. With \`--same-owner\` the archive has the owners and set-id bits of the image; without
it, everything belongs to root.

## Hostile images

\`extract\` writes nothing outside its directory. Absolute names and names with \`..\` stay inside it, nothing is
written through a link, and devices and pipes are not created. Names that differ, but are one name on your
disk (\`a\` and \`A\`, \`ß\` and \`ss\`), are refused. Set-id bits and owners are applied only with \`--same-owner\`.
Directories that were there before keep their modes, owners and times. Extraction stops if an image unpacks to
more than 1 GiB and more than 100 times the size of its layers; \`--max-size\` sets another limit. Extended
attributes are not set, and a message says so. Times are kept to the millisecond.

## Browsing

\`layerstash browse nginx\` shows the tags, the platforms, the build steps and the files, merged or of one
layer:

\`\`\`text
oci:./images:mine  /etc
> long.txt                                            1.65 KiB  [1]  -rw-r--r--
  motd                                                     4 B  [2]  -rw-r-----
  ssl/                                                          [1]  drwxr-xr-x

? keys  Enter open  Left back  / search  s save  q quit
\`\`\`

The arrow keys move, \`Enter\` opens, \`Left\` or \`Esc\` goes back, \`/\` searches the whole tree as you type, \`c\`
marks what a layer adds, changes and hides of the layers below it, \`s\` saves the file, \`q\` quits, \`?\` shows
all keys. A text is shown up to its first MiB; anything else up to its first 64 KiB, in hexadecimal. To list
files, their layers have to be read once; \`Esc\` stops that. \`--log-file FILE\` records what the session shows,
as plain text. Without a terminal, use \`peek\` and \`extract\`.

## Building, copying and saving

\`\`\`console
$ mkdir -p site/srv && echo hello > site/srv/index.html
$ tar c -C site srv | layerstash append --from nginx:alpine --to localhost:5000/me/site:1
sha256:…
layerstash: stored localhost:5000/me/site:1: a layer of 10.2 KB on …
$ layerstash extract localhost:5000/me/site:1 srv/index.html -o -
hello
layerstash: fetched …
$ layerstash copy localhost:5000/me/site:1 ghcr.io/YOU/site:1          # all platforms; or --platform, one or more
sha256:…
layerstash: copied to ghcr.io/YOU/site:1: …
$ layerstash copy --referrers ghcr.io/YOU/site:1 registry.example.com/site:1
$ layerstash copy nginx:alpine oci:./images:nginx                      # into a directory
$ tar czf layer.tar.gz -C site .
$ layerstash append --from oci:./images:nginx --to oci:./images:mine -i layer.tar.gz
$ layerstash save nginx:alpine -o saved                                # the image, as an OCI layout
$ layerstash save nginx:alpine --layer all -o layers                   # layers/1-0a1b2c3d4e5f.tar.gz ...
\`\`\`

\`-u\` and \`-p\` are for the target's registry. If the source is in another one, sign in there with
\`layerstash login\`. After an interruption, run the same command again.

## append

\`append\` adds a layer to an image and prints the digest of the new image.

- **The base** is not pulled. Its layers stay where they are, are mounted from another repository of the same
  registry, or are streamed from another registry. An OCI base stays OCI, a docker base stays docker.
- **The layer** is a tar archive of any size, plain or compressed with gzip or zstd; its first bytes tell
  which. It is stored as it is: plain stays plain, because compressed bytes depend on the version of the
  program that compresses. A damaged or truncated archive is refused, also by the checksums in zstd. So is
  what no container engine unpacks: other bytes after the gzip data, volume labels, incremental backups, a
  file in place of the root. A path that the layer has twice, which podman and docker refuse, gets a message.
- **The digest** is the same for the same input, everywhere. Nothing depends on the clock: the layer gets the
  date of the base, or the one you set with \`--created\`.
- **The tag** of the base moves to the new image if there is no \`--to\`, or if that names it. Another tag that
  holds something else is replaced only with \`--overwrite\`.
- **An index** gets the layer on each of its images. With \`--platform\`, only the image for that platform gets
  it, and the result needs another tag. Attestations describe the old images and are left out; a message says
  so.

## copy

\`copy\` changes no digest.

- **An image in docker's own format** keeps it, even in a directory, where skopeo and umoci cannot see it; a
  message says so. For these tools, \`skopeo copy docker://IMAGE oci:DIR:TAG\` converts it into another image.
- **What the target already has** is not sent again. In a directory, a blob counts as present if its name and
  size are right; it is not read, unless \`--stash --overwrite\` is given (see
  [Damage](troubleshooting.md#damage)). Within one registry no bytes move. Every other blob is verified on its
  way. So after an interruption the same command resumes; the layer that was being sent starts again. The tag
  comes last.
- **Platforms.** Without \`--platform\` all are copied. With one, that image alone is copied; with several, an
  index of these, which has a digest of its own.
- **Referrers.** \`--referrers\` also copies signatures and the like, also those that cosign keeps under tags
  such as \`sha256-....sig\`. Where a registry does not list referrers, and in a directory, their list is kept
  under a tag.
- **Other kinds.** Artifact manifests, docker's schema 1 and build caches are copied with all that they list.
- **Oddities** are copied byte for byte and reported: a manifest without a media type, an index with a wrong
  size. Content that does not match its digest is refused.
- **Stored files** have their name in place of the tag. \`--stash\` is needed only where an image has that name.
- **What the name holds** at the target, if it is something else, is replaced only with \`--overwrite\`: add
  that to a mirror that runs every night.

## save

\`save\` downloads an image as an OCI layout, or with \`--layer\` its layers as files, in parallel. Everything
that is downloaded is verified. In a layout, existing blobs are treated as by \`copy\`; layers that already
exist as files are verified too. A layer that has a title, as those of oras have, gets that name if it is
safe. Other endings say what the bytes are: \`.tar\`, \`.tar.gz\`, \`.tar.zst\`, or \`.bin\` for anything that is not
an archive. After an interruption the same command resumes: a file in its middle, a layout with the layer that
was being downloaded.

## From appendlayer

\`append\` takes the words of appendlayer too, with the layer on standard input:

\`\`\`console
$ layerstash append HOST REPO OLD-TAG NEW-TAG < layer.tar
$ layerstash append HOST OLD-REPO:TAG NEW-REPO:TAG < layer.tar
$ layerstash append HOST/OLD-REPO:TAG HOST/NEW-REPO:TAG < layer.tar
\`\`\`

In these forms, and for \`*.azurecr.io\`, \`ACCESS_TOKEN\` is exchanged for a refresh token, and \`REFRESH_TOKEN\`
is used as one. In place of \`DOCKER_CONFIG\`, every saved login counts. appendlayer replaces what NEW-TAG
holds; here that takes \`--overwrite\`.
`,
  serve: `# Serving

\`layerstash serve ADDRESS...\` opens what is stored to other programs: to docker, podman, skopeo and others as
a registry at \`/v2/\`, to browsers and players as pages and files, to file managers as WebDAV at \`/dav/\`, which
is read-only.

## What is served

- \`oci:DIR\`, where DIR is an OCI layout, is one repository with the name of the directory, in lower case.
- \`oci:DIR\`, where it is another directory or none yet, holds a repository in each layout below it: \`me/files\`
  is \`DIR/me/files\`. A push creates what is missing.
- A repository of a registry, such as \`ghcr.io/me/files\`, keeps its name, and is only read. Your login stays
  here.
- An archive of images, such as \`./image.tar\`, is one repository with the name of the file, and is only read.

Files and folders that are encrypted are given as they were where \`--identity KEYFILE\` or \`--passphrase\` opens
them; elsewhere they are listed, their pages say how to read them with the key, and WebDAV leaves them out. A
file that is [incomplete or torn](files.md#complete-incomplete-torn) is listed as that; its page says what to
type, and WebDAV leaves it out. The registry gives every blob as it is stored. Of an image for several
platforms, \`/files/me/app/1.2@linux-arm64/\` is the one for linux/arm64; without that it is the one for this
machine, else the first.

Other commands may work on the same directory at the same time. A tag that is deleted or moved leaves its
manifest, as in any registry; deleting a manifest by its digest frees its space. Digests are of sha256 or
sha512. A link among the blobs is followed within its layout, or to a file with the digest in its name.

## Who may use it

It listens on \`127.0.0.1:5000\`, for programs on this machine alone. Any other address needs \`--htpasswd FILE\`,
a file of \`htpasswd -cB FILE NAME\`, or \`--anonymous-read\`, which lets everybody read and nobody write. With
both, everybody reads, and a password is needed to write; docker pushes only without \`--anonymous-read\`,
because it looks for a login once, at the beginning.

Addresses and \`localhost\` are names that it has by itself. Any other one has to be given, as in
\`--host files.example.com\`: otherwise a web page could give its own name your address, and read what is here.
Passwords need TLS: \`--tls-cert\` and \`--tls-key\`, or a server before it.

## As a service

A systemd unit, \`/etc/systemd/system/layerstash.service\`:

\`\`\`ini
[Service]
ExecStart=/usr/local/bin/layerstash serve --host files.example.com --htpasswd /etc/layerstash.htpasswd oci:/srv/layerstash
User=layerstash
Restart=on-failure
ProtectSystem=strict
ReadWritePaths=/srv/layerstash

[Install]
WantedBy=multi-user.target
\`\`\`

The access log goes to the journal; \`--quiet\` leaves it out. SIGTERM ends it when the requests at work are
answered. \`/healthz\` answers \`ok\`, and \`--metrics\` gives counts to Prometheus at \`/metrics\`.

With docker-compose, from an image with Deno:

\`\`\`yaml
# compose.yml
services:
  layerstash:
    image: denoland/deno:2.9.6
    command: run -A jsr:@layerstash/cli serve --listen 0.0.0.0:5000 --htpasswd /users --host files.example.com oci:/box
    ports: ["127.0.0.1:5000:5000"]
    volumes: ["./box:/box", "./users:/users:ro"]
    restart: unless-stopped
\`\`\`

## Behind nginx or Caddy

\`\`\`nginx
server {
  listen 443 ssl;
  server_name files.example.com;
  ssl_certificate /etc/ssl/files.pem;
  ssl_certificate_key /etc/ssl/files.key;
  client_max_body_size 0;
  location / {
    proxy_pass http://127.0.0.1:5000;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_request_buffering off;
    proxy_buffering off;
  }
}
\`\`\`

Caddy needs no more than this:

\`\`\`text
files.example.com {
  reverse_proxy 127.0.0.1:5000
}
\`\`\`

## Limits

1024 connections, 100 requests under way on each, 32 KiB of headers within 20 seconds, 1000 uploads under way
in a repository, 4 MiB for a manifest. A client that neither sends nor takes anything for a minute loses the
connection; what it has sent of an upload stays, and \`GET\` of the upload says how much that is. An upload that
gets nothing for a week ends; where the disk is full, or a repository has 1000 of them, after an hour. What a
full disk has no room for is answered with 507.
`,
  registries: `# Registries

Every registry that docker can push to works: Docker Hub, GHCR, Quay, GitLab, Harbor, ECR, your own.

## Docker Hub

Make an [access token](https://docs.docker.com/security/access-tokens/) that may read, write and delete, and
use it as the password:

\`\`\`console
$ layerstash login docker -u YOU
$ layerstash upload disk.img YOU/files:disk
\`\`\`

The repository is made when you store the first file, and is public. To keep it private, make it on
[hub.docker.com](https://hub.docker.com) first, or make that the default of your account.

## GHCR

Make a classic [token](https://github.com/settings/tokens) with \`write:packages\`; to remove files, also with
\`delete:packages\`. In GitHub Actions, [\`GITHUB_TOKEN\`](recipes.md#github-actions) is enough.

\`\`\`console
$ echo "$TOKEN" | layerstash login ghcr -u YOU --password-stdin
$ layerstash upload disk.img ghcr.io/YOU/files:disk
\`\`\`

A package is private at first. Its settings on GitHub make it public; then nobody needs a login to download.

## Your own

\`docker run -d -p 5000:5000 registry:3\` runs one on this machine, and so does Debian's package
docker-registry. It needs no login, and http is used for hosts on this machine alone.

\`\`\`console
$ layerstash upload disk.img localhost:5000/me/files:disk
\`\`\`

For other machines it needs a password and TLS: there is a
[recipe](recipes.md#a-registry-of-your-own-with-a-password-and-tls). To remove files, it has to allow
deletion: \`REGISTRY_STORAGE_DELETE_ENABLED=true\`.

## Saved logins

What is public needs no login. \`layerstash login\` first asks the registry whether it accepts the login, and
then saves it: with the helper program that docker's configuration names, else in \`config.json\`, which only
you can read. \`layerstash logout\` removes it. In scripts, use \`--password-stdin\`.

Logins are looked for in this order:

1. \`-u NAME -p TOKEN\`, \`--bearer-token TOKEN\`, or \`--authorization HEADER\`, which is sent to the token server
   as it is. Others on this machine can see what you type there; a warning says so.
2. \`LAYERSTASH_USERNAME\` and \`LAYERSTASH_TOKEN\`, \`LAYERSTASH_BEARER_TOKEN\`, or \`LAYERSTASH_AUTHORIZATION\`.
3. podman's file, if \`REGISTRY_AUTH_FILE\` names it; docker's \`DOCKER_AUTH_CONFIG\` and \`config.json\` (in
   \`DOCKER_CONFIG\`, else \`~/.docker\`) with \`credHelpers\`, \`credsStore\` and \`auths\`; podman's \`auth.json\`, also
   by repository.
4. None.

## Allowed? What does it cost?

Registries are made for images, and somebody pays for the free ones. Storing a lot of other data there may
violate their terms of use: read them first. For terabytes, use a registry of your own, or one that you pay by
the gigabyte.

These figures are from the documentation of both, and change from time to time.

**Docker Hub** ([usage and limits](https://docs.docker.com/docker-hub/usage/),
[terms of service](https://www.docker.com/legal/docker-terms-service/)):

- Storage of public repositories has no fixed limit, but "fair use": excess may be slowed down or billed. A
  free account has one private repository.
- 100 pulls in 6 hours per address, 200 with a free account. A stored file counts as two, whatever its size.
- No largest layer is published. layerstash makes chunks of 5 GiB.

**GHCR**
([the container registry](https://docs.github.com/packages/working-with-a-github-packages-registry/working-with-the-container-registry),
[acceptable use](https://docs.github.com/site-policy/acceptable-use-policies/github-acceptable-use-policies)):

- Storage is free for now; a change is announced a month before.
- No limit for reading is published. Heavy traffic gets 503 and 429 for a time, and layerstash waits.
- A layer may have 10 GB, and its upload may take 10 minutes. layerstash makes chunks of 512 MiB; four at once
  then need 29 Mbit/s. On a slower line they go one by one.
`,
  troubleshooting: `# Troubleshooting

Errors say what could not be done, why, and what to do:

\`\`\`console
$ layerstash download localhost:5000/me/files:dusk copy.img
layerstash: cannot download dusk to copy.img: there is no stash dusk in localhost:5000/me/files
hint: it has: disk
\`\`\`

\`--verbose\` shows every request. Each kind of error has an [exit code](scripting.md).

## Questions

**Is it allowed? What does it cost?** Registries are made for images: read their terms.
[Registries](registries.md) has the limits of Docker Hub and GHCR.

**Is it private?** Docker Hub makes a repository public, GHCR a package private, unless you say otherwise.
Whoever runs the registry can read everything: [encrypt](recipes.md#encrypt) what is secret.

**How long do 30 GB take?** As long as your line needs: 40 minutes at 100 Mbit/s, seven hours at 10 Mbit/s.
Interrupt it whenever you like, and type the same command again.

**What if layerstash vanishes?** Your files are plain images. The [script](format.md#without-layerstash) that
\`layerstash url\` prints restores them with sh, curl and sha256sum, and the [format](format.md) is a page long.
Keep the script beside the backup.

**The upload says that the name holds another file.** The file has changed since, or the chunk size is
another. Use another name, or replace it with \`--overwrite\`.

**A push is denied.** The repository belongs to somebody else, or the token may not write. \`layerstash login\`
tells whether the registry accepts it.

**A certificate is unknown.** \`--ca-file FILE\` trusts the authority that issued it. A proxy of your company
may replace certificates: its authority is what you need.

**Nothing happens behind a proxy.** \`HTTPS_PROXY\`, \`HTTP_PROXY\`, \`ALL_PROXY\` and \`NO_PROXY\` are respected, for
http proxies.

## What happens, what you see, what to do

| what happens                             | what you see                                                                                                                             | what to do                                 |
| ---------------------------------------- | ---------------------------------------------------------------------------------------------------------------------------------------- | ------------------------------------------ |
| killed: \`Ctrl-C\`, \`kill -9\`, a reboot    | \`FILE.part\`, of a folder \`.NAME.layerstash-part\`; an incomplete stash, if a chunk was complete, or the old one, if it was to be replaced | the same command again                     |
| killed when the new file was all there   | a torn stash: some tags are those of the old file                                                                                        | the same command again                     |
| offline                                  | a line every half minute; after ten minutes an error, exit code 1 (a host that never answered: after seconds)                            | the same command again                     |
| a connection falls silent                | after a minute a line, and another attempt                                                                                               | nothing                                    |
| a token expires                          | nothing; if no new one is given, exit code 4                                                                                             | \`layerstash login\`, the same command again |
| the disk is full (download)              | how much room is missing, exit code 1                                                                                                    | free space, the same command again         |
| the registry is full, or read-only       | an error after some attempts, exit code 1                                                                                                | ask its owner; then the same command again |
| the registry is busy (429)               | how long layerstash waits, and then it asks more slowly; an error if it is to wait for over 15 minutes                                   | the same command, later                    |
| the registry lies, or a byte is wrong    | what does not match, exit code 5; no file gets its name                                                                                  | \`verify --deep\`, see [Damage](#damage)     |
| a chunk is missing at the registry       | which one, exit code 3                                                                                                                   | store the file again                       |
| the file changes while it is stored      | that it changed, or is gone, exit code 5; the stash is not completed                                                                     | the same command when nothing writes to it |
| a directory has lost its \`index.json\`    | an error, exit code 5, rather than an empty list                                                                                         | restore it from a backup                   |
| another file has the name of a download  | that it exists, exit code 6; it is not touched                                                                                           | another name; or \`--overwrite\`             |
| two uploads of one name at once          | one wins, the other says so, exit code 6; at worst both do                                                                               | wait; or \`--overwrite\`                     |
| the stash is removed while it is fetched | that it was removed, exit code 3                                                                                                         | the same command again                     |

## Resuming

Resuming needs nothing but the same command. An upload skips chunks that are already stored. A download
verifies what is in \`FILE.part\`, or in the hidden directory of a [folder](files.md#directories), and fetches
only what is missing. A file gets its name only when it is on the disk. From then on it survives a power cut,
as does every blob and tag in a directory.

## What is sent or fetched twice

**An upload** depends on the registry for the chunks that were interrupted. distribution 3, and others that
keep what arrived, are asked how much they have, and get the rest. distribution 2.8, zot, ECR and ACR forget
an upload whose connection broke, and get that chunk again. Four to sixteen chunks are under way at once, and
after \`Ctrl-C\` the hint says how much that is; smaller chunks (\`--chunk-size\`) or \`--jobs 1\` then lose less.
Standard input can be read only once: feed it again, and stored chunks are skipped. If it is
[encrypted](encryption.md#interrupted), that needs its journal.

**A download** fetches at most a few MiB twice. Nothing is trusted that was not verified: each chunk is hashed
as a whole, including the parts that an earlier run fetched.

## Damage

\`verify\` finds chunks that are missing or truncated; \`verify --deep\` finds every wrong byte.

- To replace missing chunks, store the same file again.
- To repair damage in a directory, store the file again with \`--overwrite\`.
- In an image that was saved or copied to a directory, every file in \`blobs/sha256\` is named by its sha256sum.
  Remove any file whose name does not match; the same command then fetches it again.
- A registry keeps a blob that it believes it has, whatever is sent. Store the file with another
  \`--chunk-size\` (and \`--overwrite\`), so that its chunks are others; or ask the registry's owner to delete the
  file of the blob, and then store the file again.

## Journals

Journals are what a later run needs to resume: the addresses of open uploads, and the digests of chunks, valid
as long as the file's size and dates do not change. There is one for each file, in \`~/.local/state/layerstash\`
(\`XDG_STATE_HOME\`; \`--state-dir\` or \`LAYERSTASH_STATE_DIR\` names another directory). You can remove them at
any time; that costs time, never correctness. Only you can read them, and they hold no password and no token.
That of a file or a stream which is being stored encrypted has the key of this upload until it is complete,
also where it was interrupted: without it the upload cannot go on, and needs \`--overwrite\`. Journals that have
not been touched for 90 days are removed.
`,
  scripting: `# Scripting

## Exit codes

| code  | what it means                                                          |
| ----- | ---------------------------------------------------------------------- |
| \`0\`   | done                                                                   |
| \`1\`   | failed; of \`diff\`: there are differences                               |
| \`2\`   | wrong usage; of \`diff\`: it failed, too                                 |
| \`3\`   | not found, or incomplete                                               |
| \`4\`   | not allowed                                                            |
| \`5\`   | bytes do not match, or \`verify\` found a fault, such as a missing chunk |
| \`6\`   | conflict: something else is there                                      |
| \`130\` | interrupted                                                            |
| \`141\` | the reader of the output has gone                                      |

A list ends with \`3\` if the repository or directory does not exist, and with \`0\` if it is empty; \`--json\`
prints \`[]\` in both cases, and nothing if it fails for another reason.

## Output

Standard output gets data and nothing else. Progress, notes and errors go to standard error. An error is one
line \`layerstash: WHAT: WHY\`, and after it perhaps a line \`hint:\`. \`--quiet\` prints errors only, \`--verbose\`
shows every request, and \`--progress plain\` prints a line every ten seconds, as it is outside a terminal.

## Pipes

Standard output gets the bytes of a chunk before its digest is checked. So look at the exit code before you
trust what came: \`set -o pipefail\` makes a shell do that for the whole line.

## JSON

\`--json\` prints one document for a report, and one event per line for a transfer. The last event is \`done\`, or
\`failure\` with its \`kind\` and a \`message\`; a mistake in the command line that is found before the first event
has none. A report that fails prints nothing, and what \`peek\`, \`extract\` and \`diff\` print has no \`done\` then.
\`blob remove\` says what was \`removed\` and what was \`kept\`, also where that is a failure.

\`plan\` comes first, with the \`size\` and the number of \`blobs\`, as far as they are known. Each finished blob is
a \`blob\` event, with its \`index\` (from 1), \`state\`, \`digest\` and \`size\`; the blobs of a stored file are its
chunks. Where it was decrypted, \`digest\` is that of what is stored, by which the registry has it, and \`size\`
counts the decrypted bytes. The \`done\` of \`verify\` lists the \`faults\`. Each has the number of the \`chunk\` (0
is the local file as a whole), its \`kind\` (\`missing\`, \`size\` or \`bytes\` of the blob, \`tag\` if its tag is
missing or holds something else, or \`file\` if a local file differs), and the \`problem\` in words. Those of a
folder have the number of the \`layer\`, and the \`kind\` is \`missing\`, \`size\`, \`bytes\`, or \`table\` for a table of
contents that is wrong. If a directory was compared, \`differences\` counts what differs, and each has an event
like those of \`diff\`; \`times\` counts what has another time alone, and \`setIds\` what has other set-ID bits
beside that.

\`diff\` prints an event \`difference\` for each path: \`change\` (\`added\`, \`removed\` or \`changed\`), the \`path\`, the
\`aspects\` that changed (\`type\`, \`content\`, \`size\`, \`mode\`, \`time\`, \`owner\`, \`target\`, \`link\`, \`device\`,
\`attributes\`), and what was there \`before\` and is there \`after\`, each as \`peek\` describes a file. The last
event is \`done\`, with the counts. The \`done\` of \`peek\`, \`extract\` and \`diff\` says how much was \`fetched\`, of
which \`size\`; \`verified\` is true if all that was used is proven by the digests of whole layers, \`byTable\` if
it is by tables of contents, too. The \`done\` of a folder's download has \`verified\` for both, and what was
\`written\`, \`kept\` and \`removed\`; that of its upload \`files\`, \`size\`, \`layers\` and how many were \`sent\`, with
\`sentFiles\` of \`sentContent\` bytes, which became \`sentSize\` of the \`stored\` bytes of all layers, and the globs
that \`leftOutNothing\`. While a folder is stored, \`files\` events tell the \`count\` and the \`bytes\` of files that
are in layers, of the plan's \`files\` and \`content\`. In \`list\` and \`info\` a folder has the \`kind\` \`folder\`;
\`info\` lists its \`layers\`.

A \`retry\` event says what is attempted again (\`what\`, \`attempt\`, \`reason\`), and in how many milliseconds
(\`delay\`); a \`pause\` event, that a request waits because the \`host\` wants to be left alone. \`notice\` has a
\`message\` for people. \`progress\` has the \`bytes\` of a \`phase\` (\`send\`, \`fetch\`; \`check\` of a file that is
compared; \`hash\` of one that is hashed before it is sent, whose bytes are not yet moved, or to compare a
directory), and \`resume\` those that were kept.

Every \`done\` of a transfer says where (\`registry\`, such as \`ghcr.io\`, and \`repository\`; a layout is a registry
without repositories), how many \`seconds\` it took, and how much it moved: \`bytesSent\`, \`bytesFetched\`, and
\`bytesSaved\`, which did not have to travel because they were there already. \`digest\` stands for all that was
stored or fetched: of a stored file, it is that of the manifest of its last chunk.

\`\`\`console
$ layerstash upload disk.img localhost:5000/me/files:disk --json | tail -n 1 | jq -r .repository
me/files
$ layerstash verify localhost:5000/me/files:disk --json | tail -n 1 | jq -c .faults
[]
\`\`\`

## Variables

Every option that commands share has an environment variable: \`LAYERSTASH_USERNAME\` and \`LAYERSTASH_TOKEN\` for
a login, \`LAYERSTASH_REGISTRY\` for \`--registry\`. [Options](options.md) lists them.
`,
  options: `# Options

The help of a command shows the options that are its own. These belong to many commands. Each has an
environment variable, in brackets; so have \`--chunk-size\`, \`--platform\` and \`--with-info\`. An option on the
command line comes before its variable, and an empty variable counts as not set.

## Where

An address says all of this in one word, as in \`ghcr.io/me/files:disk\`. These options say it in pieces. With
\`-r\`, no word of the command line is an address; the variables stand for the options alone.

- \`--registry REGISTRY\` [\`LAYERSTASH_REGISTRY\`]: \`docker\`, which is the default, \`ghcr\`, a host such as
  \`registry.example.com\` or \`localhost:5000\`, a URL, or \`oci:DIR\`. Here \`oci:DIR\` is a directory of layouts:
  the repository \`me/files\` is the layout \`DIR/me/files\`. If the variable names a registry, an address without
  one, such as \`me/files\`, is refused: it would be on Docker Hub.
- \`-r NAME\`, \`--repository NAME\` [\`LAYERSTASH_REPOSITORY\`]: the repository, such as \`me/files\`.
- \`-t NAME\`, \`--base-tag NAME\`: the name of a stored file. Its chunks have the tags \`NAME-1\`, \`NAME-2\` and so
  on.

## Sign-in

\`layerstash login\` saves a login once and for all. These options and variables come before saved logins.

- \`-u NAME\`, \`--username NAME\` [\`LAYERSTASH_USERNAME\`]: who signs in.
- \`-p TOKEN\`, \`--token TOKEN\` [\`LAYERSTASH_TOKEN\`]: the password or token. Others on this machine can see what
  you type, so use the variable in scripts.
- \`--bearer-token TOKEN\` [\`LAYERSTASH_BEARER_TOKEN\`]: a token to send as it is.
- \`--authorization HEADER\` [\`LAYERSTASH_AUTHORIZATION\`]: a header to send to the token server as it is.
- \`--auth-host HOST\` [\`LAYERSTASH_AUTH_HOST\`]: ask this host for tokens, not the one that the registry names.

## Connection

- \`--ca-file FILE\` [\`LAYERSTASH_CA_FILE\`]: trust these authorities too, in PEM. A certificate that
  \`openssl req -x509\` has made for the registry itself works as well.
- \`--insecure-skip-tls-verify\` [\`LAYERSTASH_INSECURE_SKIP_TLS_VERIFY\`]: trust any certificate, and send saved
  logins over plain http, which otherwise go to this machine alone. Unsafe. Downloads then need some 300 MiB
  of memory instead of 150.
- \`--jobs NUMBER\` [\`LAYERSTASH_JOBS\`]: how many requests run at once. By default as many as speed it up, up
  to 16.
- \`--limit-rate RATE\` [\`LAYERSTASH_LIMIT_RATE\`]: bytes a second over all connections, up and down, such as
  \`10MB\`; \`0\` is no limit. It is for registries, not for directories.
- \`--part-size SIZE\` [\`LAYERSTASH_PART_SIZE\`]: the most that one request asks for.
- \`--state-dir DIR\` [\`LAYERSTASH_STATE_DIR\`]: where the [journals](troubleshooting.md#journals) of transfers
  are kept.
- \`--manifest-format FORMAT\` [\`LAYERSTASH_MANIFEST_FORMAT\`]: write manifests in this [format](format.md):
  \`docker\`, \`oci\`, or \`auto\`, the default, which takes what suits the registry.

layerstash uses http for hosts on this machine and https for all others; \`http://HOST\` and \`https://HOST\` say
it. \`HTTPS_PROXY\`, \`HTTP_PROXY\`, \`ALL_PROXY\` and \`NO_PROXY\` are respected, for http proxies.

## Encryption

- \`--encrypt-to RECIPIENT\` [\`LAYERSTASH_ENCRYPT_TO\`]: encrypt what is stored for this key (\`age1...\`), or
  those of a file. It may be given several times. [Encryption](encryption.md) has the rest.
- \`--identity FILE\` [\`LAYERSTASH_IDENTITY\`]: decrypt with the secret keys of this file.
- \`--passphrase\`: encrypt, or decrypt, with a passphrase. It is asked for on the terminal, or read from the
  first line of the file that \`LAYERSTASH_PASSPHRASE_FILE\` names.

## Output

- \`--json\` [\`LAYERSTASH_JSON\`]: print JSON on standard output. [Scripting](scripting.md) describes it.
- \`-q\`, \`--quiet\`: print errors only, and no progress.
- \`-v\`, \`--verbose\`: also print each request, as \`--log-level debug\` does.
- \`--log-level LEVEL\` [\`LAYERSTASH_LOG_LEVEL\`]: \`trace\`, \`debug\`, \`info\`, \`warning\` or \`critical\`. Errors are
  printed at every level.
- \`--progress MODE\` [\`LAYERSTASH_PROGRESS\`]: \`bar\`, \`plain\` (a line every ten seconds), \`none\`, or \`auto\`: a
  bar on a terminal, plain elsewhere and once data flows into a pipe.

## Sizes

A size is a number of bytes, or a number with a unit: \`K M G T\` and \`KB MB GB TB\` are powers of 1000,
\`KiB MiB GiB TiB\` powers of 1024. Sizes are shown in the units in which you typed one, otherwise in powers
of 1000.

\`\`\`console
$ export LAYERSTASH_REGISTRY=localhost:5000 LAYERSTASH_REPOSITORY=me/files
$ layerstash upload -t disk -i disk.img --limit-rate 10MB -q
$ layerstash list --json
[{"baseTag":"disk","chunks":1}]
\`\`\`
`,
  format: `# Format

A stored file is a row of plain images. Any registry takes them, and any tool can copy them.

\`\`\`text
disk.img       ┌────────────────────┬────────────────────┬──────────┐
12 MiB         │  chunk 1: 5 MB     │  chunk 2: 5 MB     │ chunk 3  │
               └─────────┬──────────┴─────────┬──────────┴────┬─────┘
                         │                    │               │
tags                   disk-1               disk-2          disk-3     written last
                         │                    │               │
images          ┌────────┴────────┐  ┌────────┴────────┐  ┌───┴─────────────┐
                │ config  1 of 3  │  │ config  2 of 3  │  │ config  3 of 3, │
                │                 │  │                 │  │   all digests   │
                │ layer   bytes   │  │ layer   bytes   │  │ layer   bytes   │
                └─────────────────┘  └─────────────────┘  └─────────────────┘
\`\`\`

Chunk \`N\` of a stored file is the image with the tag \`NAME-N\`. Its manifest has one layer: the bytes as they
are (no tar, no compression), of media type \`application/octet-stream\`. In OCI's format, a file that is one
chunk has its name there, as \`org.opencontainers.image.title\`: \`oras pull REPO:NAME-1\` restores it.

The last tag is written when everything else exists. So a stored file is complete, or is reported as
incomplete.

## Two formats of manifests

Manifests come in two formats with the same lists: docker's schema 2, as the Python layerstash and dxf write
it, and OCI's. \`--manifest-format docker\` or \`oci\` chooses one for \`upload\`, \`blob push\` with an alias,
\`alias set\` and copies of stored files; \`--manifest-format auto\`, the default, takes what suits the target:

- the format of the chunks that are stored under the name already;
- else OCI's in a directory and on quay.io, docker's in other registries;
- OCI's where docker's is refused, as by Quay and zot. A message says so. Only the manifest is sent again, and
  so nothing is tried out beforehand.

Both are the same file to every command. \`upload --overwrite --manifest-format oci\` changes the format, and
sends no chunk again; \`copy\` changes it with \`--overwrite\`, too.

| who reads stored files and aliases                 | docker's format | OCI's format |
| -------------------------------------------------- | --------------- | ------------ |
| the Python layerstash                              | yes             | no           |
| dxf                                                | yes             | yes          |
| skopeo, podman, buildah, CRI-O: copies and mirrors | no              | yes          |
| containerd, crane, oras, regctl: copies            | yes             | yes          |
| skopeo, umoci, podman in a directory               | no              | yes          |

The Python layerstash and this one read each other's files, and either completes an upload that the other
began.

## The config of a chunk

The config is an ordinary image config with one more object:

\`\`\`json
"layerstash": { "version": 1, "name": "disk.img", "size": 12582912, "chunkSize": 5000000, "chunk": 3, "chunks": 3,
                "digests": ["sha256:51d7…", "sha256:c4fb…", "sha256:f36e…"] }
\`\`\`

\`size\` and \`chunks\` are missing while they are not known (standard input), but the last chunk always has them.
The last chunk alone also has \`digests\`, the list of all chunks. A reader needs only the first and the last
manifest, however large the file is. Manifests are what Docker Hub counts as pulls.

A file that the Python tool stored has no such list; all that can be checked is that there are no gaps, and
that all chunks but the last have the same size.

## An encrypted file

Each chunk of an encrypted file is a file of [age](https://age-encryption.org/v1). \`size\`, \`chunkSize\` and
\`digests\` are those of what is stored, so that \`list\`, \`copy\`, \`verify\` and \`remove\` need no key. \`name\` and
the date are missing, and the config has one field more:

\`\`\`json
"encryption": { "format": "age", "details": "YWdlLWVuY3J5cHRpb24ub3JnL3Yx…" }
\`\`\`

\`details\`, in the last chunk only, is a file of age in base64. In it is a JSON object: \`name\`, \`modified\`,
\`size\` and \`chunkSize\` of the file itself, \`digests\` (SHA-256 of its bytes in each chunk, 64 digits each),
\`stored\`, the SHA-256 of the lines of the other \`digests\`, and \`recipients\`, a mark of each public key that
the header is for, as far as it is known: 8 bytes of HKDF-SHA-256 of the file key, with the info
\`layerstash recipient\` and the key as the salt, in base64.

All chunks and the details have one header, and so one file key. The nonce after the header begins with 8
bytes of HKDF-SHA-256 of the file key, with the info \`layerstash nonce\`. The other 8 bytes are the number of
the chunk, or for the details HKDF-SHA-256 with the info \`layerstash details\`, and their text as the salt. A
stream may bring other bytes in its next run: what is then sent has 8 random bytes in the place of the number,
and \`places\` in the details says which, as in \`{ "3": "q1RbVx0cgYI=" }\`. That is what binds the chunks
together:

| what a registry, or whoever writes to it, may try     | what is not right then                                   |
| ----------------------------------------------------- | -------------------------------------------------------- |
| change bytes                                          | the record of age, or the header that all chunks share   |
| swap or repeat records, or cut some off               | the number of the record, or the mark of the last one    |
| swap, drop or repeat chunks, and change all lists     | \`stored\` and \`digests\` in the details                    |
| give the bytes of one chunk when another is asked for | the nonce: each chunk has its own, which the details say |
| put a chunk of another file of yours among them       | the file key: each file has its own                      |
| deny that layerstash has encrypted them               | the nonce: no other program begins it so                 |
| put another whole file of yours under the name        | nothing: pin the [digest](files.md), which stands for it |

While an upload runs, its [journal](troubleshooting.md#journals) has the file key, readable for you alone, so
that the same command goes on inside a chunk, and a stream after its stored chunks. When the upload is
complete, the key is removed from the journal, and the header of a file stays: by it the same upload is
recognized, and sends nothing. Elsewhere only \`--identity\` can tell.

## Folders

A directory that \`upload\` stores is one image under one tag. Its layers are gzip archives in the
[eStargz](https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md) form: every file is a
gzip member of its own, and a table of contents with digests stands at the end. So \`docker\`, \`podman\`, \`umoci\`
and \`crane export\` unpack it, and one file of it can be fetched and verified by itself. What they unpack has
two files more, which belong to this form: \`.no.prefetch.landmark\` and \`stargz.index.json\`. \`verify\` and
\`diff\` leave them out.

Files are sorted by their paths and put into packs, one layer each. Where a pack ends depends on the paths,
and on sizes nearby: a file that changes touches one pack. The last layer holds the directories. The config
has this object:

\`\`\`json
"layerstash": { "version": 1, "kind": "folder", "files": 4, "size": 1051204 }
\`\`\`

The same directory gives the same digests, on whatever machine, with whatever umask: paths, types, modes,
times of modification, link targets and bytes count. Owners are recorded as 0, unless \`--keep-owner\` makes
them count, too.

## An encrypted folder

Its manifest has the artifact type \`application/vnd.layerstash.encrypted.v1\`, the empty config, and layers of
media type \`application/octet-stream\`, each a file of [age](https://age-encryption.org/v1). The first is the
description; each of the others is a layer of the folder, in the same order. The description is a JSON object,
filled up with blanks to a multiple of 4 KiB:

\`\`\`json
{
  "version": 1,
  "manifest": "{\\"schemaVersion\\":2…",
  "config": "{\\"architecture\\":\\"amd64\\"…",
  "headers": ["YWdlLWVuY3J5cHRpb24ub3JnL3Yx…"],
  "layers": [{ "digest": "sha256:9c21…", "size": 1204811, "header": 0, "nonce": "q1RbVx0c…" }]
}
\`\`\`

\`manifest\` and \`config\` are the texts that the folder would have if it were not encrypted. \`headers\` are the
headers of the layers, each once, and \`layers\` says of each what is stored, and what its file of age begins
with. All that one upload encrypts has one header, and a random nonce each.

| what a registry, or whoever writes to it, may try     | what is not right then                                       |
| ----------------------------------------------------- | ------------------------------------------------------------ |
| change bytes                                          | the record of age, or the beginning that \`layers\` tells      |
| swap or repeat records, or cut some off               | the number of the record, or the mark of the last one        |
| swap, drop, repeat or add layers                      | \`layers\`: digests and sizes, in this order                   |
| give the bytes of one layer when another is asked for | the key of the records: it follows from the header and nonce |
| list a layer, or the description, of another folder   | \`layers\`                                                     |
| put another whole folder of yours under the name      | nothing: pin the [digest](files.md), which stands for it     |

The journal keeps headers, nonces, digests and the description, and no key. No nonce serves twice: a pack
whose sending broke is encrypted anew.

## Without layerstash

\`layerstash url REPO:NAME\` prints a script that restores a stored file. The script needs only sh (with \`cat\`,
\`mv\`, \`rm\` and \`wc\`), curl and sha256sum. It fetches the chunks, checks each one, and joins them. If it is
interrupted, run it again and it resumes. It never overwrites a file. Until the chunks are joined they are
files of their own, so the script needs twice the space of the file.

\`\`\`console
$ layerstash url localhost:5000/me/files:disk > restore.sh
$ sh restore.sh restored.img
\`\`\`

On GHCR anybody may read what is public with the bearer token \`QQ==\`, which is already in the script. Other
registries require a token, which the script takes from the variable \`TOKEN\`:
\`TOKEN=$(layerstash token me/files pull)\`. Registries that use passwords need \`LOGIN=NAME:PASSWORD\`. The
script of an encrypted file also needs age, and the file of the secret key: \`IDENTITY=FILE\`. A passphrase is
asked for, once for each chunk. That of a folder needs GNU tar.
`,
  dxf: `# Blobs and aliases

A repository is also a store of blobs: bytes of any size, each named by its digest. An alias is a name for
blobs, stored as a tag. That is what dxf makes of a registry, and aliases made by either program are equal to
the byte.

\`\`\`console
$ echo '20 degrees' > logger.dat
$ layerstash blob push logger.dat localhost:5000/me/logs:may15
sha256:279b70cdeb0b0a159e7d2edf8c488e635def821c717900a2a7ad6644e708d000
layerstash: stored 1 blob in localhost:5000/me/logs: 11 B, …
layerstash: get it back: layerstash blob pull localhost:5000/me/logs:may15 -o FILE
$ layerstash blob pull localhost:5000/me/logs:may15
20 degrees
$ layerstash blob pull localhost:5000/me/logs:may15 -o copy.dat
layerstash: wrote copy.dat: 11 B, verified, …
$ layerstash alias get localhost:5000/me/logs:may15
sha256:279b70cdeb0b0a159e7d2edf8c488e635def821c717900a2a7ad6644e708d000
$ layerstash url localhost:5000/me/logs @may15
http://localhost:5000/v2/me/logs/blobs/sha256:279b…
curl -fL -o 'may15' 'http://localhost:5000/v2/me/logs/blobs/sha256:279b…'
\`\`\`

\`url\` prints the URLs of blobs and then a command for each; with \`--script\`, the [script](format.md).

## Commands

| command        | what it does                                                                                       |
| -------------- | -------------------------------------------------------------------------------------------------- |
| \`blob push\`    | stores a file (\`-i\`) or standard input, and prints the digest; \`--alias\` gives it a name           |
| \`blob pull\`    | fetches blobs (\`sha256:...\`, \`@ALIAS\`) one after the other, to a file (\`-o\`) or standard output    |
| \`blob size\`    | prints the size in bytes; of an alias, the sum of its blobs                                        |
| \`blob mount\`   | mounts a blob from another repository of the registry (\`--from\`); no bytes move                    |
| \`blob remove\`  | removes blobs and prints their digests; of an alias, the blobs it points to, but not the alias     |
| \`alias set\`    | points a name to blobs, given by digest or as files that were stored, and prints the manifest      |
| \`alias get\`    | prints the digests that aliases point to; of an image, those of its layers                         |
| \`alias remove\` | removes aliases, each **alone**, and prints what they pointed to; the blobs stay (not on Gitea)    |
| \`alias list\`   | prints all aliases, which are all tags, page by page                                               |
| \`digest\`       | prints the digest of an alias's config: its first blob; of an image, its ID                        |
| \`manifest\`     | prints an alias's manifest, byte for byte; of an index, the manifests by platform                  |
| \`repos\`        | prints the repositories of a directory, or of a registry that lists them                           |
| \`token\`        | prints a token for other programs; its arguments say what it allows: \`pull\`, \`push\`, \`delete\`, \`*\` |

\`--manifest FILE\` takes a manifest in place of names; \`-\` is standard input. \`--with-info\` prints a line
\`DIGEST SIZE\` before each blob. \`--part-size\` is the most that one request asks for.

**Verified.** A file is written after every byte has been verified. It resumes as \`download\` does. What went
to standard output cannot be taken back; if bytes were wrong, the exit code is 5. \`--range 0-99\` reads only
these bytes (both ends count, from 0). A part of a blob cannot be verified, and a message says so.

**Pushing.** A file is hashed first, and not sent if its blob already exists. Standard input is hashed as it
is sent. Registries eventually delete blobs that nothing points to: give an alias to those you want to keep.

**Platforms.** If a tag has an image for each platform, \`--platform os/arch[/variant]\` chooses one. Without it
the answer is one JSON object by platform, as in dxf, even if an index is named by its digest.
\`layerstash inspect --raw\` prints the index itself, byte for byte.

## From dxf

| dxf                                    | layerstash                                                 |
| -------------------------------------- | ---------------------------------------------------------- |
| \`dxf push-blob REPO FILE [@ALIAS]\`     | \`layerstash blob push -r REPO -i FILE [--alias ALIAS]\`     |
| \`dxf pull-blob REPO DIGEST\\|@ALIAS...\` | \`layerstash blob pull -r REPO DIGEST\\|@ALIAS... [-o FILE]\` |
| \`dxf pull-blob REPO < MANIFEST\`        | \`layerstash blob pull -r REPO --manifest -\`                |
| \`dxf blob-size REPO DIGEST\\|@ALIAS...\` | \`layerstash blob size -r REPO DIGEST\\|@ALIAS...\`           |
| \`dxf mount-blob REPO FROM DIGEST\`      | \`layerstash blob mount -r REPO --from FROM DIGEST\`         |
| \`dxf del-blob REPO DIGEST\\|@ALIAS...\`  | \`layerstash blob remove -r REPO DIGEST\\|@ALIAS...\`         |
| \`dxf set-alias REPO ALIAS DIGEST...\`   | \`layerstash alias set -r REPO ALIAS DIGEST...\`             |
| \`dxf set-alias REPO ALIAS ./FILE...\`   | \`layerstash alias set -r REPO ALIAS ./FILE...\`             |
| \`dxf get-alias REPO ALIAS...\`          | \`layerstash alias get -r REPO ALIAS...\`                    |
| \`dxf del-alias REPO ALIAS...\`          | \`layerstash alias remove -r REPO ALIAS...\`                 |
| \`dxf list-aliases REPO\`                | \`layerstash alias list -r REPO\`                            |
| \`dxf get-digest REPO ALIAS...\`         | \`layerstash digest -r REPO ALIAS...\`                       |
| \`dxf get-manifest REPO ALIAS...\`       | \`layerstash manifest -r REPO ALIAS...\`                     |
| \`dxf list-repos\`                       | \`layerstash repos\`                                         |
| \`dxf auth REPO ACTION...\`              | \`layerstash token -r REPO ACTION...\`                       |

| variable of dxf       | option, and variable                                                    |
| --------------------- | ----------------------------------------------------------------------- |
| \`DXF_HOST\`            | \`--registry HOST\`, \`LAYERSTASH_REGISTRY\`                                |
| \`DXF_INSECURE=1\`      | \`--registry http://HOST\`; not needed for hosts on this machine          |
| \`DXF_USERNAME\`        | \`-u\`, \`LAYERSTASH_USERNAME\`                                             |
| \`DXF_PASSWORD\`        | \`-p\`, \`LAYERSTASH_TOKEN\`; or \`layerstash login\`                         |
| \`DXF_AUTHORIZATION\`   | \`--authorization\`, \`LAYERSTASH_AUTHORIZATION\`                           |
| \`DXF_AUTH_HOST\`       | \`--auth-host\`, \`LAYERSTASH_AUTH_HOST\`                                   |
| \`DXF_TOKEN\`           | \`--bearer-token\`, \`LAYERSTASH_BEARER_TOKEN\`                             |
| \`DXF_PROGRESS=1\`, \`0\` | \`--progress bar\`, \`none\`, \`LAYERSTASH_PROGRESS\`                         |
| \`DXF_BLOB_INFO=1\`     | \`--with-info\`, \`LAYERSTASH_WITH_INFO\`                                   |
| \`DXF_CHUNK_SIZE\`      | \`--part-size\`, \`LAYERSTASH_PART_SIZE\`                                   |
| \`DXF_SKIPTLSVERIFY=1\` | \`--insecure-skip-tls-verify\`, \`LAYERSTASH_INSECURE_SKIP_TLS_VERIFY\`     |
| \`DXF_TLSVERIFY=FILE\`  | \`--ca-file FILE\`, \`LAYERSTASH_CA_FILE\`; so too for \`REQUESTS_CA_BUNDLE\` |
| \`DXF_PLATFORM\`        | \`--platform\`, \`LAYERSTASH_PLATFORM\`                                     |

| exit code of dxf        | of layerstash                           |
| ----------------------- | --------------------------------------- |
| 13 (\`EACCES\`)           | 4, not allowed                          |
| 2 (\`ENOENT\`): not there | 3, not found                            |
| 2, wrong arguments      | 2, wrong usage                          |
| 1, whatever else        | 5 where bytes do not match, 1 otherwise |

Four things differ on purpose. An alias that holds something else is replaced only with \`--overwrite\`.
\`alias remove\` leaves other aliases of the same blobs alone, while \`del-alias\` removes them all.
\`blob remove @ALIAS\` leaves the alias, as dxf's own documentation says. Pulling several platforms into one
file is refused.
`,
  library: `# The library

A TypeScript program can do all that the command line does. This one stores a file, describes it, and brings
it back:

\`\`\`ts ignore
import { download, info, openStore, upload } from "jsr:@layerstash/cli";

using store = openStore({ registry: "oci:./box", repository: "me/files" });
await upload(store, "backup", { input: "disk.img" });
const { size, chunks } = await info(store, "backup");
console.log(\`\${size} bytes in \${chunks.length} chunk\`); // … bytes in 1 chunk
await download(store, "backup", {
  output: "copy.img",
  onEvent: (event) => {
    if (event.type === "blob") console.log(event.index, event.digest); // 1 sha256:…
  },
});
\`\`\`

Each subject has an entry of its own:

| import                       | what it is for                                                                                                |
| ---------------------------- | ------------------------------------------------------------------------------------------------------------- |
| \`@layerstash/cli\`            | files: \`openStore\`, \`upload\`, \`download\`, \`list\`, \`info\`, \`verify\`, \`remove\`; credentials, events, errors     |
| \`@layerstash/cli/images\`     | looking into images: \`openImage\`, \`findImage\`, \`ImageFiles\`, \`FileTree\`, \`survey\`, \`extract\`, \`readImageFile\` |
| \`@layerstash/cli/blobs\`      | blobs and aliases: \`pushBlob\`, \`pullBlobs\`, \`mountBlob\`, \`removeBlobs\`, \`setAlias\`, \`getAlias\`; URLs for curl |
| \`@layerstash/cli/artifacts\`  | what other programs stored: \`findArtifact\` tells what lies there, \`downloadArtifact\` brings its files back    |
| \`@layerstash/cli/folders\`    | directories: \`uploadFolder\`, \`downloadFolder\`, \`verifyFolder\`, \`removeFolder\`; \`diff\` of two, or of images    |
| \`@layerstash/cli/encryption\` | keys and recipients for what is stored encrypted; age files, read from any position                           |
| \`@layerstash/cli/copy\`       | \`copyImage\` and \`copyStash\`; \`append\` a layer to an image; \`saveLayers\` as files                              |
| \`@layerstash/cli/store\`      | the contract \`Store\`: a repository with its blobs, manifests and tags, to use directly or to implement        |

A function takes first where (a store, or a source and a target), then what, then an object of options. \`list\`
gives an async iterable: \`for await (const { baseTag } of list(store))\`.

Documentation with examples: \`deno doc jsr:@layerstash/cli/images\` shows that of an entry. To use a checkout,
import its \`main.ts\`, and run your program with its configuration:
\`deno run -A --config CHECKOUT/deno.json program.ts\`.

## Blobs

\`\`\`ts ignore
import { openStore } from "jsr:@layerstash/cli";
import { getAlias, pullBlobs, pushBlob } from "jsr:@layerstash/cli/blobs";

using store = openStore({ registry: "oci:./box", repository: "fred/datalogger" });
const { digest } = await pushBlob(store, "logger.dat", { alias: "may15-readings" });
console.log(String(await getAlias(store, "may15-readings"))); // sha256:…
await pullBlobs(store, ["@may15-readings", digest], { output: "twice.dat" });
\`\`\`

## Images

An image is opened by its name, and read without pulling it:

\`\`\`console
$ layerstash copy nginx:alpine oci:./images:nginx
\`\`\`

\`\`\`ts ignore
import { extract, findImage, ImageFiles, openImage } from "jsr:@layerstash/cli/images";

using image = openImage("oci:./images:nginx"); // or nginx:alpine
const { layers } = await findImage(image.store, image.reference, { platform: "linux/amd64" });
const files = new ImageFiles(image.store, layers);
const { entries } = await extract(files, ["etc/os-release"], { directory: "out", overwrite: true });
console.log(entries.map(({ path, size }) => \`\${path}: \${size} bytes\`)); // [ "etc/os-release: … bytes" ]
\`\`\`

## Directories

\`\`\`ts ignore
import { openStore } from "jsr:@layerstash/cli";
import { downloadFolder, uploadFolder } from "jsr:@layerstash/cli/folders";

await Deno.mkdir("site", { recursive: true });
await Deno.writeTextFile("site/index.html", "<h1>Hello</h1>");
using store = openStore({ registry: "oci:./box", repository: "me/sites" });
const { files, size } = await uploadFolder(store, "site", { directory: "site" });
console.log(\`\${files} file, \${size} bytes\`); // 1 file, 14 bytes
await downloadFolder(store, "site", { directory: "site-copy" });
\`\`\`

## Events, errors, credentials

**Events.** Every function that takes a store reports progress, requests, retries and notices to its
\`onEvent\`, or else to the \`onEvent\` of \`openStore\`. Each event is reported once. A function ends when its
\`signal\` is aborted.

**Errors** have types: \`NotFoundError\`, \`NotAllowedError\`, \`MismatchError\`, \`ConflictError\` and others. Their
hints name options as the command line does: \`--chunk-size\` is \`chunkSize\`.

**Credentials.** The library reads no environment variables and no configuration files by itself. With
\`credentials: savedCredentials(Deno.env.toObject())\` it signs in as docker does.

**Resuming.** It keeps a [journal](troubleshooting.md#journals) only if you set \`stateDirectory\`.
`,
  install: `# Installing

**A standalone program** for Linux, macOS and Windows:

\`\`\`sh
curl -fsSL https://github.com/layerstash/layerstash/releases/latest/download/install.sh | sh
\`\`\`

\`\`\`powershell
irm https://github.com/layerstash/layerstash/releases/latest/download/install.ps1 | iex
\`\`\`

The script verifies the program's checksum, puts it into \`~/.local/bin\` (or \`LAYERSTASH_INSTALL_DIR\`), and
never needs root. \`LAYERSTASH_VERSION\` chooses a version. On Linux the program needs glibc; on a system with
musl, use Deno. Later, \`layerstash upgrade\` replaces the program with the latest release.

The checksums come from the same server as the programs: they find damage, not a release that somebody has
replaced. Each file is also attested, and the GitHub CLI checks that this repository built it:
\`gh attestation verify FILE --repo layerstash/layerstash\`. Neither the scripts nor \`upgrade\` do that.

**With [Deno](https://deno.com)** 2.9.6 or later there is nothing to install. If you have Node but not Deno,
\`npm install -g deno@2.9\` installs it.

\`\`\`console
$ deno run --no-config -A jsr:@layerstash/cli --version
layerstash v0.1.0
$ deno run --no-config -A jsr:@layerstash/cli help install | head -n 1
# Installing
$ layerstash() { deno run --no-config -A jsr:@layerstash/cli "$@"; }   # a clone: deno run -A CLONE/main.ts "$@"
\`\`\`

Never leave out \`--no-config\`: without it, Deno obeys a \`deno.json\` or \`package.json\` in the current directory
or above it, which may put other code in the place of layerstash. Only a checkout is run without it, because
it needs its own \`deno.json\`. \`-A\` allows everything; [Permissions](#permissions) lists what each use needs.
Each release also has \`layerstash.js\`, the whole program in one file: \`deno run --no-config -A layerstash.js\`.

## Upgrading, completions, uninstalling

**Uninstall** with \`| sh -s -- --uninstall\` in place of \`| sh\`; on Windows save \`install.ps1\` and run
\`./install.ps1 -Uninstall\`.

**Upgrade.** The new program is verified and started once before it takes the place of the old one.
\`layerstash upgrade --check\` only reports whether there is a newer release. \`layerstash upgrade 1.2.3\`
installs that version, even if it is older. If you run layerstash with Deno, \`layerstash upgrade\` tells you
how to update. \`LAYERSTASH_RELEASES\` names a mirror of the releases, for the scripts too.

**Completions.** With these lines your shell completes commands, options, values and addresses: the names in
\`oci:\` directories, and of a registry only the host. It asks layerstash itself for them.

\`\`\`sh
echo 'source <(layerstash completions bash)' >> ~/.bashrc
echo 'source <(layerstash completions zsh)' >> ~/.zshrc            # below the line with compinit
mkdir -p ~/.config/fish/completions && layerstash completions fish > ~/.config/fish/completions/layerstash.fish
layerstash completions powershell >> $PROFILE
\`\`\`

## Permissions

With Deno, \`-A\` allows everything. Deno can also allow only what a command needs. If a permission is missing,
an error names it, and the exit code is 4.

| for                                       | permissions                                                                                                                                  |
| ----------------------------------------- | -------------------------------------------------------------------------------------------------------------------------------------------- |
| any command                               | \`--allow-env\`                                                                                                                                |
| a registry                                | \`--allow-net\` for its host, its token server and its storage hosts, such as \`auth.docker.io\`                                                 |
| logins that docker and podman keep        | \`--allow-read\` for their files, \`--allow-run\` for their helper programs; not needed with \`LAYERSTASH_USERNAME\` and \`LAYERSTASH_TOKEN\`        |
| \`oci:DIR\`                                 | \`--allow-read=DIR --allow-write=DIR\`                                                                                                         |
| \`upload\`                                  | \`--allow-read=FILE\`                                                                                                                          |
| \`download\`, \`extract\`, \`save\`, \`browse\`   | \`--allow-read\` and \`--allow-write\` for the directory that they write to                                                                      |
| the check of free space before a download | \`--allow-sys=statfs\`; without it the check is skipped, and a message says so                                                                 |
| journals, to resume after an interruption | \`--allow-read\` and \`--allow-write\` for \`~/.local/state/layerstash\`, or \`--state-dir\`; without them no journal is kept, and a message says so |
| a checkout, in place of the package       | \`--allow-read\` for its directory: what a command needs is read when it is named; not needed from JSR, or with \`layerstash.js\`                |
| the library                               | nothing to import it; to use it, what the same command needs, without \`--allow-env\`                                                          |

\`\`\`console
$ deno run --no-config --allow-env --allow-read=. --allow-write=. --allow-sys=statfs \\
    jsr:@layerstash/cli download --registry oci:./box -r me/files -t disk -o narrow.img --state-dir .
layerstash: wrote narrow.img: 2.56 KB, verified, …
$ deno run --no-config --allow-env --allow-read --allow-net=localhost:5000 \\
    jsr:@layerstash/cli alias get --registry localhost:5000 -r fred/datalogger may15-readings
sha256:279b70cdeb0b0a159e7d2edf8c488e635def821c717900a2a7ad6644e708d000
\`\`\`
`,
};
