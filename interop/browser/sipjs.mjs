// A phone of SIP.js: it registers, publishes and watches, with digest.

import { domain, obey, password, say, server, user } from './page.mjs';
import { Publisher, Registerer, Subscriber, UserAgent } from 'sip.js';

const uri = (name) => UserAgent.makeURI(`sip:${name}@${domain}`);

const ua = new UserAgent({
	uri: uri(user), authorizationUsername: user, authorizationPassword: password,
	transportOptions: { server, keepAliveInterval: 1, connectionTimeout: 30 }, logLevel: 'error',
	delegate: { onConnect: () => say({ connected: true }), onDisconnect: (e) => say({ disconnected: String(e ?? '') }) },
});
const registerer = new Registerer(ua, { expires: 600 });
registerer.stateChange.addListener((state) => say({ registration: state }));
const subscribers = {};
const publishers = {};

obey({
	start: () => ua.start(),
	register: () => registerer.register(),
	unregister: () => registerer.unregister(),

	watch(whom, event) {
		const s = subscribers[event] = new Subscriber(ua, uri(whom), event, { expires: 600 });
		s.stateChange.addListener((state) => say({ subscription: state, event }));
		s.delegate = {
			onNotify(notification) {
				notification.accept();
				const { request } = notification;
				say({ notify: event, uri: request.ruri.toString(), state: request.getHeader('Subscription-State'), body: request.body });
			},
		};
		return s.subscribe();
	},
	unwatch: (event) => subscribers[event].unsubscribe(),

	publish(event, contentType, body) {
		const p = publishers[event] ??= new Publisher(ua, uri(user), event, { contentType, body, expires: 600 });
		p.stateChange.addListener((state) => say({ publication: state, event }));
		return p.publish(body);
	},
	unpublish: (event) => publishers[event].unpublish(),

	async stop() {
		await ua.transport.disconnect();
		setImmediate(() => process.exit(0));
	},
});
