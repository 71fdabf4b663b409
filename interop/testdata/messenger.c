/* A messenger without a window: libpurple's SIMPLE on GLib's main loop. Its
 * arguments are a directory for its files, the port to listen on, an account
 * (user@domain), the password, the host and port of the proxy, and a buddy. It
 * prints what the buddy is; a line on its standard input signs it off. */
#include <purple.h>
#include <stdio.h>
#include <stdlib.h>

static GMainLoop *loop;
static PurpleAccount *account;

struct watch {
	PurpleInputFunction call;
	gpointer data;
};

static gboolean ready(GIOChannel *channel, GIOCondition condition, gpointer data)
{
	struct watch *w = data;
	PurpleInputCondition c = 0;

	if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		c |= PURPLE_INPUT_READ;
	if (condition & (G_IO_OUT | G_IO_HUP | G_IO_ERR))
		c |= PURPLE_INPUT_WRITE;
	w->call(w->data, g_io_channel_unix_get_fd(channel), c);
	return TRUE;
}

static guint input_add(int fd, PurpleInputCondition c, PurpleInputFunction call, gpointer data)
{
	struct watch *w = g_new0(struct watch, 1);
	GIOChannel *channel = g_io_channel_unix_new(fd);
	GIOCondition condition = G_IO_HUP | G_IO_ERR;
	guint id;

	w->call = call;
	w->data = data;
	if (c & PURPLE_INPUT_READ)
		condition |= G_IO_IN;
	if (c & PURPLE_INPUT_WRITE)
		condition |= G_IO_OUT;
	id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT, condition, ready, w, g_free);
	g_io_channel_unref(channel);
	return id;
}

static PurpleEventLoopUiOps ops = {
	.timeout_add = g_timeout_add,
	.timeout_remove = g_source_remove,
	.input_add = input_add,
	.input_remove = g_source_remove,
	.timeout_add_seconds = g_timeout_add_seconds,
};

static void signed_on(PurpleConnection *gc)
{
	puts("signed on");
}

static void signed_off(PurpleConnection *gc)
{
	puts("signed off");
	g_main_loop_quit(loop);
}

static void failed(PurpleConnection *gc, PurpleConnectionError e, const gchar *why)
{
	printf("failed: %s\n", why);
}

static void buddy_is(PurpleBuddy *b)
{
	PurplePresence *p = purple_buddy_get_presence(b);

	printf("%s is %s\n", purple_buddy_get_name(b),
	       PURPLE_BUDDY_IS_ONLINE(b) ? purple_status_get_name(purple_presence_get_active_status(p)) : "Offline");
}

static void buddy_changed(PurpleBuddy *b, PurpleStatus *before, PurpleStatus *now)
{
	buddy_is(b);
}

static gboolean typed(GIOChannel *channel, GIOCondition condition, gpointer data)
{
	purple_account_set_enabled(account, purple_core_get_ui(), FALSE);
	return FALSE;
}

static void connect_signals(void)
{
	static int handle;
	void *c = purple_connections_get_handle(), *b = purple_blist_get_handle();

	purple_signal_connect(c, "signed-on", &handle, PURPLE_CALLBACK(signed_on), NULL);
	purple_signal_connect(c, "signed-off", &handle, PURPLE_CALLBACK(signed_off), NULL);
	purple_signal_connect(c, "connection-error", &handle, PURPLE_CALLBACK(failed), NULL);
	purple_signal_connect(b, "buddy-signed-on", &handle, PURPLE_CALLBACK(buddy_is), NULL);
	purple_signal_connect(b, "buddy-signed-off", &handle, PURPLE_CALLBACK(buddy_is), NULL);
	purple_signal_connect(b, "buddy-status-changed", &handle, PURPLE_CALLBACK(buddy_changed), NULL);
}

int main(int argc, char *argv[])
{
	if (argc != 8)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	loop = g_main_loop_new(NULL, FALSE);
	purple_util_set_user_dir(argv[1]);
	purple_debug_set_enabled(TRUE);
	purple_eventloop_set_ui_ops(&ops);
	if (!purple_core_init("messenger"))
		return 1;
	purple_set_blist(purple_blist_new());
	connect_signals();
	purple_prefs_set_bool("/purple/network/ports_range_use", TRUE);
	purple_prefs_set_int("/purple/network/ports_range_start", atoi(argv[2]));
	purple_prefs_set_int("/purple/network/ports_range_end", atoi(argv[2]));

	account = purple_account_new(argv[3], "prpl-simple");
	purple_account_set_password(account, argv[4]);
	purple_account_set_bool(account, "udp", TRUE);
	purple_account_set_bool(account, "useproxy", TRUE);
	purple_account_set_string(account, "proxy", argv[5]);
	purple_account_set_int(account, "port", atoi(argv[6]));
	purple_accounts_add(account);
	purple_blist_add_buddy(purple_buddy_new(account, argv[7], NULL), NULL, NULL, NULL);
	g_io_add_watch(g_io_channel_unix_new(0), G_IO_IN | G_IO_HUP, typed, NULL);
	purple_account_set_enabled(account, purple_core_get_ui(), TRUE);
	g_main_loop_run(loop);
	purple_core_quit();
	return 0;
}
