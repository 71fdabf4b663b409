// What a page in a browser has: a WebSocket that says which page opened it.
// node has none before version 22, and its own names no Origin.

import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

export const [server, user, password, domain, origin] = process.argv.slice(2);

globalThis.WebSocket = class extends WebSocket {
	constructor(url, protocols) {
		super(url, protocols, { origin, rejectUnauthorized: false }); // the server's certificate is of its own making
	}
};

// say prints what happened, a line each.
export function say(what) {
	console.log(JSON.stringify(what));
}

// obey does what is asked for on standard input: a name and its arguments, a JSON
// list in a line.
export function obey(commands) {
	createInterface({ input: process.stdin }).on('line', async (line) => {
		const [name, ...args] = JSON.parse(line);
		try {
			await commands[name](...args);
			say({ done: name });
		} catch (e) {
			say({ failed: name, why: String(e) });
		}
	});
}
