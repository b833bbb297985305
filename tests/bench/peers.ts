/** The programs that layerstash is compared with: each takes part where it can be had. @module */
import { curl, dxf, umoci } from "./other_programs.ts";
import type { ProgramName } from "./programs.ts";
import { crane, oras, regctl, skopeo } from "./registry_clients.ts";
import type { Operation, Words, Work } from "./work.ts";

/** A program, and the commands that it has. */
export interface Peer {
  /** What it is called in the results; its program where absent. */
  name?: string;
  program: ProgramName;
  /** Whether it verifies digests. */
  verifies: boolean;
  /** In which operations it does not all the same, and leaves it to the server. */
  trusting?: readonly Operation[];
  /** Where alone it takes part; absent = everywhere. */
  only?: "tls" | "plain";
  /** Its commands, given its path; absent = it has none for that. */
  commands(path: string): Partial<Record<Operation, (work: Work) => Words | Promise<Words>>>;
}

/** All of them. */
export const PEERS: readonly Peer[] = [curl(), curl(["--http1.1"]), crane, regctl, oras, skopeo, umoci, dxf];
