/** The estargz package of stargz-snapshotter, with which containerd mounts layers, as a judge of layers. @module */
import { join } from "node:path";
import { cacheDirectory, ensureTool } from "./debian.ts";
import { announce } from "./run_notes.ts";

/** Where the module is, and which version judges. */
const MODULE = "github.com/containerd/stargz-snapshotter/estargz@v0.18.2";

const SOURCE = `package main

import (
	"fmt"
	"io"
	"os"
	"path"

	"github.com/containerd/stargz-snapshotter/estargz"
	digest "github.com/opencontainers/go-digest"
)

// Verifies the table against the digest that the manifest gives, and each piece of each file against the table.
func verify(blob string, table string) error {
	file, err := os.Open(blob)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	reader, err := estargz.Open(io.NewSectionReader(file, 0, info.Size()))
	if err != nil {
		return err
	}
	verifiers, err := reader.VerifyTOC(digest.Digest(table))
	if err != nil {
		return err
	}
	landmark := 0
	var visit func(name string, entry *estargz.TOCEntry) error
	visit = func(name string, entry *estargz.TOCEntry) error {
		if name == estargz.NoPrefetchLandmark || name == estargz.PrefetchLandmark {
			landmark++
		}
		var failure error
		entry.ForeachChild(func(base string, child *estargz.TOCEntry) bool {
			failure = visit(path.Join(name, base), child)
			return failure == nil
		})
		if failure != nil || entry.Type != "reg" {
			return failure
		}
		content, err := reader.OpenFile(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for offset := int64(0); offset < entry.Size; {
			chunk, ok := reader.ChunkEntryForOffset(name, offset)
			if !ok {
				return fmt.Errorf("%s: nothing at %d", name, offset)
			}
			verifier, err := verifiers.Verifier(chunk)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if _, err := io.Copy(verifier, io.NewSectionReader(content, chunk.ChunkOffset, chunk.ChunkSize)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if !verifier.Verified() {
				return fmt.Errorf("%s: the piece at %d is another", name, offset)
			}
			offset = chunk.ChunkOffset + chunk.ChunkSize
		}
		fmt.Printf("%s %d\\n", name, entry.Size)
		return nil
	}
	root, ok := reader.Lookup("")
	if !ok {
		return fmt.Errorf("there is no root")
	}
	if err := visit("", root); err != nil {
		return err
	}
	if landmark != 1 {
		return fmt.Errorf("there are %d landmarks", landmark)
	}
	return nil
}

func main() {
	if err := verify(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`;

/** The path of the judge, which is built where it is missing; `undefined`, after one line that says why, where that fails. */
export async function stargzJudge(): Promise<string | undefined> {
  const path = join(cacheDirectory(), "go", `stargz-judge-${MODULE.split("@")[1]}`);
  if (await Deno.stat(path).then(() => true, () => false)) return path;
  if (!await ensureTool("go", "golang-go")) return undefined;
  const directory = await Deno.makeTempDir({ prefix: "layerstash-go-" });
  try {
    await Deno.writeTextFile(join(directory, "main.go"), SOURCE);
    await run(directory, ["mod", "init", "judge"]);
    await run(directory, ["get", MODULE]);
    await run(directory, ["mod", "tidy"]);
    await run(directory, ["build", "-o", path, "."]);
    return path;
  } catch (error) {
    announce(`cannot verify layers with the estargz package here: ${(error as Error).message}`);
    return undefined;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function run(cwd: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("go", { args, cwd, stdin: "null" }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}
