/** Go's archive/tar, with which container engines read layers, as a judge of archives. @module */
import { join } from "node:path";
import { announce } from "./run_notes.ts";

/** An entry as Go reads it. */
export interface GoEntry {
  /** In hexadecimal, as names may be any bytes. */
  name: string;
  /** In hexadecimal. */
  target: string;
  flag: string;
  size: number;
  mode: number;
  uid: number;
  gid: number;
  /** The SHA-256 of its content, or what is wrong with that. */
  content: string;
}

/** How Go reads an archive: its entries up to the end, or up to an error. */
export interface GoListing {
  entries: GoEntry[];
  error: string;
}

const SOURCE = `package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

type entry struct {
	Name    string \`json:"name"\`
	Target  string \`json:"target"\`
	Flag    string \`json:"flag"\`
	Size    int64  \`json:"size"\`
	Mode    int64  \`json:"mode"\`
	Uid     int    \`json:"uid"\`
	Gid     int    \`json:"gid"\`
	Content string \`json:"content"\`
}

type listing struct {
	Entries []entry \`json:"entries"\`
	Error   string  \`json:"error"\`
}

func list(archive []byte) listing {
	reader := tar.NewReader(bytes.NewReader(archive))
	found := listing{Entries: []entry{}}
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return found
		}
		if err != nil {
			found.Error = err.Error()
			return found
		}
		each := entry{
			hex.EncodeToString([]byte(header.Name)), hex.EncodeToString([]byte(header.Linkname)),
			string(header.Typeflag), header.Size, header.Mode, header.Uid, header.Gid, "",
		}
		if header.Size < 1<<24 {
			hash := sha256.New()
			if _, err := io.Copy(hash, reader); err != nil {
				each.Content = err.Error()
			} else {
				each.Content = hex.EncodeToString(hash.Sum(nil))
			}
		}
		found.Entries = append(found.Entries, each)
	}
}

func main() {
	for _, path := range os.Args[1:] {
		archive, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		line, _ := json.Marshal(list(archive))
		fmt.Println(string(line))
	}
}
`;

/** Whether there is a Go compiler; a line says so where there is none. */
export const HAS_GO: boolean = await hasGo();

async function hasGo(): Promise<boolean> {
  try {
    return (await new Deno.Command("go", { args: ["version"] }).output()).success;
  } catch {
    announce("cannot compare with Go's archive/tar here: there is no go");
    return false;
  }
}

/** Lists archives as Go reads them. */
export async function listWithGo(archives: readonly Uint8Array<ArrayBuffer>[]): Promise<GoListing[]> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-go-" });
  try {
    await Deno.writeTextFile(join(directory, "main.go"), SOURCE);
    await Deno.writeTextFile(join(directory, "go.mod"), "module judge\n\ngo 1.20\n");
    await run(directory, "go", ["build", "-o", "judge", "."]);
    const names = archives.map((_, index) => `${index}.tar`);
    for (const [index, bytes] of archives.entries()) {
      await Deno.writeFile(join(directory, names[index]!), bytes);
    }
    const said = await run(directory, join(directory, "judge"), names);
    return said.trimEnd().split("\n").map((line) => JSON.parse(line));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function run(cwd: string, command: string, args: string[]): Promise<string> {
  const env = { GOFLAGS: "-mod=mod", GOTOOLCHAIN: "local", GOPROXY: "off", CGO_ENABLED: "0" };
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd, env }).output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
