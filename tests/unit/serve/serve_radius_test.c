// SPDX-License-Identifier: BSD-3-Clause
// The accounting server at work, by real datagrams: what it tells a data plane, in which order, with room and
// without; whom it takes datagrams from as the configuration changes.
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "api_ring.h"
#include "core_loop.h"
#include "hash.h"
#include "pol_image.h"
#include "rad_digest.h"
#include "rad_make.h"
#include "serve_radius.h"

enum { TOLD_MAX = 20000, WAIT_S = 60, FRAMED_IP = 8, CALLING = 31, BINDINGS = 8000 };

static const uint8_t secret[16] = "what ids go by.";
static uint64_t key_of(const char *id)
{
	return hash_name(secret, id, strlen(id));
}
static char dir[] = "/tmp/mw-serve-radius-XXXXXX";

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	int rc; // what put answers
	unsigned n, asked;
	uint32_t waiting;
	struct api_binding b[TOLD_MAX];
} told = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static int put(void *, const struct api_binding *b)
{
	(void)pthread_mutex_lock(&told.lock);
	const int rc = told.rc;

	told.asked++;
	if (rc == 0) {
		assert_true(told.n < TOLD_MAX);
		told.b[told.n++] = *b;
	}
	(void)pthread_cond_broadcast(&told.more);
	(void)pthread_mutex_unlock(&told.lock);
	return rc;
}

static uint32_t waiting(void *)
{
	(void)pthread_mutex_lock(&told.lock);
	const uint32_t n = told.waiting;

	(void)pthread_mutex_unlock(&told.lock);
	return n;
}

static void told_waits(uint32_t n)
{
	(void)pthread_mutex_lock(&told.lock);
	told.waiting = n;
	(void)pthread_mutex_unlock(&told.lock);
}

static void told_is(unsigned n) // waits for it
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	(void)pthread_mutex_lock(&told.lock);
	while (told.n < n)
		assert_int_equal(pthread_cond_timedwait(&told.more, &told.lock, &until), 0);
	assert_int_equal(told.n, n);
	(void)pthread_mutex_unlock(&told.lock);
}

static void asked(void) // waits until something was to be put
{
	(void)pthread_mutex_lock(&told.lock);
	while (told.asked == 0)
		(void)pthread_cond_wait(&told.more, &told.lock); // meson ends a test that hangs
	(void)pthread_mutex_unlock(&told.lock);
}

static void told_begin(int rc)
{
	(void)pthread_mutex_lock(&told.lock);
	told.rc = rc;
	told.n = told.asked = 0;
	(void)pthread_mutex_unlock(&told.lock);
}

static void told_takes(int rc)
{
	(void)pthread_mutex_lock(&told.lock);
	told.rc = rc;
	(void)pthread_mutex_unlock(&told.lock);
}

static struct {
	struct core_loop *loop;
	struct serve_radius *r;
	uint16_t port;
	int sock;
	uint8_t id;
} world;

static struct cfg *conf(const char *nas)
{
	char text[1000];
	struct err_list err;
	struct cfg *c;

	(void)snprintf(text, sizeof(text),
		"dataplane: {workers: [1], ports: [{name: a, dev: net_tap0}, {name: b, dev: net_tap1}], "
		"pairs: [[a, b]]}\npolicies: [{name: p, action: pass}]\n"
		"radius: {listen: \"127.0.0.1:%u\", nas: [%s]}\n",
		world.port, nas);
	err_init(&err);
	c = cfg_load_text(text, strlen(text), "f", dir, &err);
	if (c == NULL)
		err_print(&err, stderr);
	assert_non_null(c);
	return c;
}

static uint16_t port_free(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(a);
	const int s = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(s, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(close(s), 0);
	return ntohs(a.sin_port);
}

static void change(const char *nas)
{
	struct cfg *c = conf(nas);

	serve_radius_change(world.r, c);
	cfg_free(c);
}

#define OURS "{name: n, prefix: 127.0.0.1, secret_file: k}"

static int world_open(void **)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct err_list err;
	struct cfg *c;

	err_init(&err);
	told_begin(0);
	world.loop = core_loop_new();
	world.port = port_free();
	c = conf(OURS);
	world.r = serve_radius_open(&(struct serve_radius_conf){.loop = world.loop,
					    .radius = &c->radius,
					    .bindings = BINDINGS,
					    .secret = "what ids go by.",
					    .put = put,
					    .waiting = waiting},
		&err);
	assert_non_null(world.r);
	serve_radius_change(world.r, c);
	cfg_free(c);
	assert_int_equal(serve_radius_start(world.r), 0);
	world.sock = socket(AF_INET, SOCK_DGRAM, 0);
	a.sin_port = htons(world.port);
	return connect(world.sock, (struct sockaddr *)&a, sizeof(a));
}

static int world_close(void **)
{
	serve_radius_free(world.r);
	core_loop_free(world.loop);
	return close(world.sock);
}

// Sealed under "secret"; waits for the answer.
static void talk(uint32_t status, const char *who, const char *where)
{
	const struct rad_secret key = {.n = 6, .octets = "secret"};
	const struct timeval wait = {.tv_sec = WAIT_S};
	struct rad_digest *d = rad_digest_new();
	uint8_t buf[RAD_PACKET_MAX];
	struct made m;

	made_begin(&m, RAD_ACCOUNTING_REQUEST, ++world.id);
	made_number(&m, RAD_ACCT_STATUS_TYPE, status);
	made_text(&m, RAD_ACCT_SESSION_ID, where);
	made_text(&m, CALLING, who);
	made_v4(&m, FRAMED_IP, where);
	made_v4(&m, 4, "192.0.2.1");
	rad_answer_seal(d, m.b, m.n, &key); // over an authenticator of zeros: a request's, too
	rad_digest_free(d);
	assert_int_equal(setsockopt(world.sock, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	assert_int_equal(send(world.sock, m.b, m.n, 0), m.n);
	assert_true(recv(world.sock, buf, sizeof(buf), 0) >= RAD_HEAD);
	assert_int_equal(buf[1], world.id);
}

static void is(unsigned i, uint32_t kind, const char *who, const char *where)
{
	const struct api_binding *b = &told.b[i];
	struct addr a;

	assert_int_equal(b->kind, kind);
	if (where == NULL)
		return;
	assert_int_equal(addr_parse(where, &a), 0);
	assert_true(addr_eq(&a, &b->addr));
	assert_int_equal(b->len, 128);
	assert_int_equal(b->context, (uint32_t)pol_session_key("default") | 1);
	assert_int_equal(b->port_last, UINT16_MAX);
	assert_true(b->endpoint == (kind == API_BIND_SET ? key_of(who) : 0));
}

static void a_start_and_a_stop_are_told(void **)
{
	char id[RAD_ID_MAX];

	talk(RAD_START, "alice", "10.0.0.1");
	told_is(1);
	is(0, API_BIND_SET, "alice", "10.0.0.1");
	assert_int_equal(serve_radius_id(world.r, told.b[0].endpoint, id), 5);
	assert_memory_equal(id, "alice", 5);
	talk(RAD_STOP, "alice", "10.0.0.1");
	told_is(2);
	is(1, API_BIND_CLEAR, NULL, "10.0.0.1");
	assert_int_equal(
		serve_radius_id(world.r, told.b[0].endpoint, id), 5); // for records on their way
	assert_int_equal(serve_radius_id(world.r, 12345, id), 0);
	assert_int_equal(serve_radius_id(world.r, 0, id), 0);
}

static void who_comes_is_told_everything(void **)
{
	told_begin(-ENOTCONN);
	talk(RAD_START, "alice", "10.0.0.1");
	talk(RAD_START, "bob", "10.0.0.2");
	talk(RAD_STOP, "bob", "10.0.0.2");
	talk(RAD_START, "carol", "10.0.0.3");
	told_begin(0);
	serve_radius_attached(world.r);
	told_is(4);
	is(0, API_BIND_BEGIN, NULL, NULL);
	is(1, API_BIND_SET, "alice", "10.0.0.1");
	is(2, API_BIND_SET, "carol", "10.0.0.3");
	is(3, API_BIND_SWEEP, NULL, NULL);
	assert_int_equal(told.b[0].epoch, told.b[3].epoch);
	const uint32_t epoch = told.b[0].epoch;
	told_begin(0);
	serve_radius_attached(world.r); // another one
	told_is(4);
	assert_int_not_equal(told.b[0].epoch, epoch);
}

static void what_finds_no_room_is_told_as_it_is_then(void **)
{
	struct serve_radius_state st;

	told_begin(-EAGAIN);
	talk(RAD_START, "alice", "10.0.0.1");
	talk(RAD_START, "bob", "10.0.0.2");
	talk(RAD_STOP, "alice", "10.0.0.1");
	told_takes(0);
	told_is(3); // a key as often as it changed, each time with what is so by then
	is(0, API_BIND_CLEAR, NULL, "10.0.0.1");
	is(1, API_BIND_SET, "bob", "10.0.0.2");
	is(2, API_BIND_CLEAR, NULL, "10.0.0.1");
	serve_radius_state(world.r, &st);
	assert_int_equal(st.later, 3);
	assert_int_equal(st.walks, 0);
}

static void a_full_ring_stops_a_walk_and_no_more(void **)
{
	told_begin(-ENOTCONN);
	talk(RAD_START, "alice", "10.0.0.1");
	told_begin(-EAGAIN);
	serve_radius_attached(world.r);
	asked(); // BEGIN, in vain
	talk(RAD_START, "bob", "10.0.0.2");
	told_takes(0);
	told_is(5);
	is(0, API_BIND_SET, "bob", "10.0.0.2");
	is(1, API_BIND_BEGIN, NULL, NULL);
	is(2, API_BIND_SET, "alice", "10.0.0.1");
	is(3, API_BIND_SET, "bob", "10.0.0.2");
	is(4, API_BIND_SWEEP, NULL, NULL);
}

static void a_change_does_not_wait_behind_a_walk(void **)
{
	told_begin(-ENOTCONN);
	talk(RAD_START, "alice", "10.0.0.1");
	told_begin(0);
	told_waits(API_RING_BINDINGS / 2);
	serve_radius_attached(world.r);
	told_is(1);
	is(0, API_BIND_BEGIN, NULL, NULL);
	talk(RAD_START, "bob", "10.0.0.2");
	told_is(2); // the walk stands until the data plane has taken what there is
	is(1, API_BIND_SET, "bob", "10.0.0.2");
	told_waits(0);
	told_is(5);
	is(2, API_BIND_SET, "alice", "10.0.0.1");
	is(3, API_BIND_SET, "bob", "10.0.0.2");
	is(4, API_BIND_SWEEP, NULL, NULL);
}

static void more_than_can_wait_is_told_anew(void **)
{
	enum { MANY = 4200 };
	struct serve_radius_state st;

	told_begin(-EAGAIN);
	for (unsigned i = 0; i < MANY; i++) {
		char where[20];

		(void)snprintf(where, sizeof(where), "10.1.%u.%u", i / 200, i % 200 + 1);
		talk(RAD_START, "many", where);
	}
	serve_radius_state(world.r, &st);
	assert_true(st.later >= MANY);
	told_takes(0);
	do {
		serve_radius_state(world.r, &st);
		(void)core_loop_turn(world.loop, 1);
	} while (st.walks == 0);
	unsigned begun = 0, sets = 0;
	for (unsigned i = 0; i < told.n; i++) {
		begun += told.b[i].kind == API_BIND_BEGIN;
		sets += begun > 0 && told.b[i].kind == API_BIND_SET;
	}
	assert_int_equal(begun, 1);
	assert_int_equal(sets, MANY);
}

static void the_configuration_says_who_may_send(void **)
{
	struct serve_radius_nas nas;
	json_t *j;

	talk(RAD_START, "alice", "10.0.0.1");
	change("{name: other, prefix: 192.0.2.1, secret_file: k}, {name: n, prefix: 127.0.0.1, secret_file: "
	       "nowhere}");
	assert_true(serve_radius_nas(world.r, 0, &nas));
	assert_string_equal(nas.counts.name, "other");
	assert_false(serve_radius_nas(world.r, 1, &nas)); // left out: it has no secret
	change("{name: other, prefix: 192.0.2.1, secret_file: k}, " OURS);
	assert_true(serve_radius_nas(world.r, 1, &nas));
	assert_string_equal(nas.counts.name, "n");
	talk(RAD_START, "bob", "10.0.0.2");
	told_is(2);
	talk(RAD_START, "bob", "10.0.0.3");
	struct rad_key keys[4];
	assert_int_equal(serve_radius_of(world.r, key_of("bob"), keys, 4), 2);
	assert_int_equal(keys[1].prefix.addr.b[15], 3);
	assert_int_equal(serve_radius_of(world.r, key_of("bob"), keys, 1), 1);
	assert_int_equal(serve_radius_of(world.r, key_of("nil"), keys, 4), 0);
	j = serve_radius_json(world.r);
	assert_non_null(j);
	assert_int_equal(json_integer_value(json_object_get(j, "bindings")), 3);
	assert_int_equal(json_integer_value(json_object_get(j, "most")), BINDINGS);
	assert_int_equal(json_array_size(json_object_get(j, "nas")), 2);
	json_decref(j);
}

static void without_a_server_status_says_so(void **)
{
	json_t *j = serve_radius_json(NULL);

	assert_true(json_is_false(json_object_get(j, "on")));
	json_decref(j);
}

static void a_socket_that_is_taken_is_an_error(void **)
{
	struct err_list err;
	struct cfg *c = conf(OURS);

	err_init(&err);
	assert_null(serve_radius_open(
		&(struct serve_radius_conf){
			.loop = world.loop, .radius = &c->radius, .bindings = BINDINGS, .put = put},
		&err));
	assert_non_null(strstr(err.text[0], "Address already in use"));
	cfg_free(c);
}

static int dir_make(void **)
{
	char path[64];
	FILE *f;

	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/k", dir);
	f = fopen(path, "w");
	return f == NULL || fputs("secret\n", f) < 0 || fclose(f) != 0 || chmod(path, 0600) != 0;
}

static int dir_remove(void **)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/k", dir);
	return unlink(path) != 0 || rmdir(dir) != 0;
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
	const struct CMUnitTest tests[] = {
		CASE(a_start_and_a_stop_are_told),
		CASE(who_comes_is_told_everything),
		CASE(what_finds_no_room_is_told_as_it_is_then),
		CASE(a_full_ring_stops_a_walk_and_no_more),
		CASE(a_change_does_not_wait_behind_a_walk),
		CASE(more_than_can_wait_is_told_anew),
		CASE(the_configuration_says_who_may_send),
		CASE(a_socket_that_is_taken_is_an_error),
		cmocka_unit_test(without_a_server_status_says_so),
	};

	return cmocka_run_group_tests(tests, dir_make, dir_remove);
}
