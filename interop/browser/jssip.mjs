// A phone of JsSIP: it registers and watches, with digest. It cannot publish.

import { domain, obey, password, say, server, user } from './page.mjs';
import JsSIP from 'jssip';

const ua = new JsSIP.UA({
	sockets: [new JsSIP.WebSocketInterface(server)],
	uri: `sip:${user}@${domain}`, password, register: false, register_expires: 600, session_timers: false,
});
ua.on('connected', () => say({ connected: true }));
ua.on('disconnected', (e) => say({ disconnected: String(e.code ?? '') }));
ua.on('registered', () => say({ registration: 'Registered' }));
ua.on('unregistered', () => say({ registration: 'Unregistered' }));
ua.on('registrationFailed', (e) => say({ registration: 'Failed', why: e.cause }));
const subscribers = {};
const types = { presence: 'application/pidf+xml', dialog: 'application/dialog-info+xml' };

obey({
	start: () => ua.start(),
	register: () => ua.register(),
	unregister: () => ua.unregister(),

	watch(whom, event) {
		const s = subscribers[event] = ua.subscribe(`sip:${whom}@${domain}`, event, types[event], { expires: 600 });
		s.on('active', () => say({ subscription: 'Subscribed', event }));
		s.on('terminated', (code, reason) => say({ subscription: 'Terminated', event, reason }));
		s.on('notify', (isFinal, request, body, contentType) => {
			say({ notify: event, uri: request.ruri.toString(), state: request.getHeader('Subscription-State'), body, contentType });
		});
		s.subscribe();
	},
	unwatch: (event) => subscribers[event].terminate(),

	stop() {
		ua.stop();
		setTimeout(() => process.exit(0), 200); // JsSIP tells nobody when it is done
	},
});
