/** Serves a file with nothing but `Deno.serve`: `deno run -A bare_server.ts FILE` prints its port. @module */
const [path = ""] = Deno.args;
const { size } = await Deno.stat(path);
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  // deno-lint-ignore no-console -- the benchmark reads it
  onListen: ({ port }) => console.log(port),
}, async () => {
  const { readable } = await Deno.open(path);
  return new Response(readable, { headers: { "content-length": String(size) } });
});
