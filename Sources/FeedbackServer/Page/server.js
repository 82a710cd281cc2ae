// Requests. One that got no answer is sent again until it gets one: the server counts each lease's answer once.

const longestWait = 8000;

/** What the server refused, in its words. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

let onTrouble = () => {};

/** Is told what is wrong while the server does not answer, and null when it does again. */
export function watchTrouble(listener) {
  onTrouble = listener;
}

async function once(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
  });
  if (response.status >= 500) throw new TypeError(`status ${response.status}`);
  if (response.status === 204) return null;
  const data = await response.json();
  if (!response.ok) throw new Refused(response.status, data.error?.code ?? "", data.error?.message ?? "refused");
  return data;
}

/** Asks until there is an answer. Throws `Refused` when the answer is no. */
export async function ask(method, path, body) {
  let wait = 300;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const data = await once(method, path, body);
      if (attempt > 0) onTrouble(null);
      return data;
    } catch (error) {
      if (error instanceof Refused) {
        onTrouble(null);
        throw error;
      }
      if (attempt > 0) {
        onTrouble("The server does not answer. Nothing is lost: this page keeps your answer and sends it again.");
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(wait * 2, longestWait);
    }
  }
}

/** Asks once; what goes wrong is of no account. */
export async function mention(method, path, body) {
  try {
    await once(method, path, body);
  } catch {
    // It is said again later.
  }
}
