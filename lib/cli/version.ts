/** The version, from its one source. @module */
import config from "../../deno.json" with { type: "json" };

/** As in `1.2.3`. */
export const VERSION: string = config.version;
