/** A thread that compares passwords with their hashes: that takes a tenth of a second or longer, in which requests go on. @module */
import { compareSync } from "bcryptjs";
import { failureOf, type ThreadFailure } from "../content/thread_failure.ts";

/** A password, and the hash of the one that is right. */
export interface PasswordOrder {
  password: string;
  hash: string;
}

/** Whether the password is the right one. */
export interface PasswordAnswer {
  isRight: boolean;
}

declare const self: {
  onmessage: (event: MessageEvent<PasswordOrder>) => void;
  postMessage(message: PasswordAnswer | ThreadFailure): void;
};

self.onmessage = ({ data: { password, hash } }) => {
  try {
    self.postMessage({ isRight: compareSync(password, hash) });
  } catch (error) {
    self.postMessage(failureOf(error));
  }
};
