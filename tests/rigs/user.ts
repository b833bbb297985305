/** The one user that every registry of the tests knows. @module */

/** Name, password, and the same as a line of an htpasswd file (bcrypt, as `docker-registry` wants it). */
export const USER = {
  username: "layerstash",
  password: "open-sesame",
  htpasswd: "layerstash:$2y$05$rZ1J4lJe/0LmmSDFXXPQse.3NHSnlvsTQMoT5MJnsrJSzTGUh07MG",
} as const;

/** The `Authorization` header of a user who signs in with a password. */
export function basicAuthorization(user: { username: string; password: string } = USER): string {
  return `Basic ${btoa(`${user.username}:${user.password}`)}`;
}
