// SPDX-License-Identifier: BSD-3-Clause
// mailweir-dataplane: the order of start and stop. Configuration, EAL and devices, engine, link,
// privileges, workers; back in reverse. What is in the dataplane: and control: sections has to be
// right (exit 2); policy comes later over the link, until then everything is forwarded.
// Exit: 0 stopped when asked to; 1 this machine does not give what the configuration asks for;
// 2 the configuration or the command line is wrong; 70 a worker stalled.
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <libgen.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/capability.h>

#include "cfg.h"
#include "eng.h"
#include "eng_admin.h"
#include "eng_drain.h"
#include "eng_routing.h"
#include "io.h"
#include "lnk.h"
#include "log.h"
#include "tbl_cells.h"
#include "tbl_clients.h"
#include "text.h"

LOG_COMPONENT("main");

enum { EXIT_MACHINE = 1, EXIT_CONFIG = 2 };
enum { UMASK = 0027, LINK_PATH_BYTES = 256 };
enum {
	STOP_TURN_MS = 2,
	LOOK_MOST_US = 2000000, // ten million connections take a third of a second
	ANSWERS_US = 500000,    // a round trip by satellite
};

struct run { // what main makes, in order
	struct cfg *cfg;
	struct io_port_conf ports[ENG_PORTS_MAX];
	struct eng_routing routing; // mode routed
	struct eng_route *routes;
	struct eng_admin_conf admin; // dataplane.management
	struct prefix admin_addrs[ENG_ADMIN_ADDRS_MAX];
	struct io_conf io_conf;
	struct eng_conf eng_conf;
	struct lnk_cells cells;
	struct io *io;
	struct eng *eng;
	struct lnk *lnk;
};

static const char usage[] =
	"usage: mailweir-dataplane [-c FILE] [-l LEVEL] [--check]\n"
	"  -c, --config FILE  the configuration (/etc/mailweir/mailweir.yaml)\n"
	"  -l, --log LEVEL    err, warning, notice (default), info or debug\n"
	"      --check        check the dataplane: and control: sections, then end: 0 or 2\n"
	"  -V, --version      print the version and end\n"
	"  -h, --help         print this and end\n"
	"See mailweir-dataplane(8).\n";

struct options {
	const char *file;
	bool check;
};

// -1: go on; else the exit status.
static int options_read(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 'k'},
		{"log", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	enum log_level level;
	int c;

	*o = (struct options){.file = "/etc/mailweir/mailweir.yaml"};
	while ((c = getopt_long(argc, argv, "c:l:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->file = optarg;
			break;
		case 'k':
			o->check = true;
			break;
		case 'l':
			if (!log_level_parse(optarg, &level)) {
				(void)fprintf(stderr,
					"mailweir-dataplane: -l %s: no such level\n%s", optarg,
					usage);
				return EXIT_CONFIG;
			}
			log_level_set(level);
			break;
		case 'h':
			(void)fputs(usage, stdout);
			return 0;
		case 'V':
			(void)puts("mailweir-dataplane " MAILWEIR_VERSION);
			return 0;
		default:
			(void)fputs(usage, stderr);
			return EXIT_CONFIG;
		}
	}
	if (optind < argc) {
		(void)fprintf(
			stderr, "mailweir-dataplane: %s: not understood\n%s", argv[optind], usage);
		return EXIT_CONFIG;
	}
	return -1;
}

static uint16_t port_number(const struct cfg_dataplane *d, const char *name)
{
	for (uint32_t i = 0; i < d->nports; i++)
		if (strcmp(d->ports[i].name, name) == 0)
			return (uint16_t)i;
	return ENG_NO_PORT;
}

static void ports_fill(struct run *r)
{
	const struct cfg_dataplane *d = &r->cfg->dataplane;

	for (uint32_t i = 0; i < d->nports; i++)
		r->ports[i] = (struct io_port_conf){.name = d->ports[i].name,
			.dev = d->ports[i].dev,
			.mtu = d->ports[i].mtu,
			.peer = ENG_NO_PORT};
	for (uint32_t i = 0; d->mode == CFG_MODE_PAIR && i < d->npairs; i++) {
		uint16_t a = port_number(d, d->pairs[i].a), b = port_number(d, d->pairs[i].b);

		if (a == ENG_NO_PORT || b == ENG_NO_PORT)
			continue; // the check has refused it
		r->ports[a].peer = b;
		r->ports[b].peer = a;
		r->ports[b].side = 1;
	}
}

static uint16_t interface_number(const struct cfg_dataplane *d, const struct cfg_interface *f)
{
	return (uint16_t)(f - d->interfaces);
}

// What the check has seen to: every reference leads somewhere.
static int routing_fill(struct run *r)
{
	const struct cfg_dataplane *d = &r->cfg->dataplane;

	_Static_assert((int)CFG_INTERFACES_MAX <= (int)NET_IFACES_MAX, "both hold as many");
	_Static_assert((int)CFG_HEALTH_FROM_MAX == (int)ENG_HEALTH_FROM_MAX, "likewise");
	_Static_assert(CFG_ADDRESSES_MAX + 1 <= NET_ADDRS_MAX, "and a link-local one");
	if (d->mode != CFG_MODE_ROUTED)
		return 0;
	r->routes = calloc(d->nroutes + 1, sizeof(*r->routes));
	if (r->routes == NULL)
		return -ENOMEM;
	r->routing = (struct eng_routing){.nifaces = (uint16_t)d->ninterfaces,
		.routes = r->routes,
		.nroutes = d->nroutes,
		.ttl_keep = d->ttl == CFG_TTL_KEEP,
		.health = {.port = d->health.port,
			.needs_policy = d->health.needs_policy,
			.needs_control_plane = d->health.needs_control_plane,
			.needs_ports = d->health.needs_ports,
			.late = d->health.drain == CFG_HEALTH_WHEN_DONE,
			.from = d->health.from,
			.nfrom = d->health.nfrom}};
	for (uint32_t i = 0; i < d->ninterfaces; i++) {
		const struct cfg_interface *f = &d->interfaces[i];
		struct net_iface *out = &r->routing.iface[i];

		*out = (struct net_iface){.port = port_number(d, f->port), .vlan = f->vlan};
		for (uint32_t k = 0; k < f->naddresses; k++)
			out->addr[out->naddrs++] = (struct net_addr){
				.addr = f->addresses[k].addr, .len = f->addresses[k].len};
	}
	for (uint32_t i = 0; i < d->nroutes; i++) {
		const struct cfg_route *route = &d->routes[i];
		struct prefix to = route->to;

		if (to.len == 0 && addr_is_v4(&route->via.addr)) // any, of this family
			to = (struct prefix){.addr = {.b = {[10] = 0xff, [11] = 0xff}}, .len = 96};
		r->routes[i] = (struct eng_route){.to = to,
			.via = route->via.addr,
			.iface = interface_number(d, cfg_route_interface(d, route))};
	}
	return 0;
}

static uint16_t interface_named(const struct cfg_dataplane *d, const char *name)
{
	uint16_t i = 0;

	while (i < d->ninterfaces && strcmp(d->interfaces[i].name, name) != 0)
		i++;
	return i;
}

// Likewise: names are those of interfaces or ports.
static void admin_fill(struct run *r)
{
	const struct cfg_dataplane *d = &r->cfg->dataplane;
	const struct cfg_management *m = &d->management;

	_Static_assert(
		(int)CFG_MANAGEMENT_ADDRESSES_MAX <= (int)ENG_ADMIN_ADDRS_MAX, "both hold as many");
	_Static_assert(CFG_INTERFACES_MAX <= 64 && CFG_PORTS_MAX <= 64, "they fit a bit set");
	for (uint32_t i = 0; i < m->naddresses; i++) {
		r->admin.addr[i] = m->addresses[i].addr;
		r->admin_addrs[i] =
			(struct prefix){.addr = m->addresses[i].addr, .len = m->addresses[i].len};
	}
	r->admin.naddrs = (uint8_t)m->naddresses;
	for (uint32_t i = 0; i < m->nfrom; i++)
		r->admin.from |= UINT64_C(1)
			<< (d->mode == CFG_MODE_ROUTED ? interface_named(d, m->from[i])
						       : port_number(d, m->from[i]));
}

static int conf_fill(struct run *r, struct err_list *err)
{
	static const enum eng_mode modes[] = {[CFG_MODE_PAIR] = ENG_MODE_PAIR,
		[CFG_MODE_LEARN] = ENG_MODE_LEARN,
		[CFG_MODE_ROUTED] = ENG_MODE_ROUTED};
	static const enum io_idle idles[] = {[CFG_IDLE_POLL] = IO_IDLE_POLL,
		[CFG_IDLE_PAUSE] = IO_IDLE_PAUSE,
		[CFG_IDLE_SLEEP] = IO_IDLE_SLEEP};
	static const enum io_huge huges[] = {[CFG_HUGE_AUTO] = IO_HUGE_AUTO,
		[CFG_HUGE_ON] = IO_HUGE_ON,
		[CFG_HUGE_OFF] = IO_HUGE_OFF};
	const struct cfg_dataplane *d = &r->cfg->dataplane;

	if (d->nports == 0 || d->nports > ENG_PORTS_MAX)
		err_at(err, d->at.file, d->at.line, d->at.col, "%u ports; 1 to %d are possible",
			d->nports, ENG_PORTS_MAX);
	if (d->nworkers == 0 || d->nworkers > ENG_WORKERS_MAX)
		err_at(err, d->at.file, d->at.line, d->at.col, "%u workers; 1 to %d are possible",
			d->nworkers, ENG_WORKERS_MAX);
	if (err_any(err))
		return -EINVAL;
	ports_fill(r);
	if (routing_fill(r) < 0) {
		err_add(err, "routes: no memory");
		return -ENOMEM;
	}
	admin_fill(r);
	r->eng_conf = (struct eng_conf){.mode = modes[d->mode],
		.admin = r->admin.naddrs > 0 ? &r->admin : NULL,
		.routing = d->mode == CFG_MODE_ROUTED ? &r->routing : NULL,
		.workers = (uint16_t)d->nworkers,
		.flows = d->flows,
		.messages = d->messages,
		.slabs = d->slabs,
		.limit_cells = d->limit_cells,
		.bindings = d->bindings,
		.endpoints = RTE_MIN(d->bindings, (uint32_t)TBL_ENDPOINTS_MAX),
		.senders = d->senders};
	r->io_conf = (struct io_conf){.file_prefix = d->file_prefix,
		.eal_args = d->eal_args,
		.neal_args = d->neal_args,
		.huge = huges[d->hugepages],
		.idle = idles[d->idle],
		.mode = r->eng_conf.mode,
		.main_cpu = d->main_core,
		.worker_cpus = d->workers,
		.nworkers = (uint16_t)d->nworkers,
		.ports = r->ports,
		.nports = (uint16_t)d->nports,
		.host_dev = d->management.device,
		.host_addrs = r->admin_addrs,
		.nhost_addrs = r->admin.naddrs,
		.memory_mb = d->memory_mb,
		.engine_bytes = eng_memory_bytes(&r->eng_conf) - tbl_cells_bytes(d->limit_cells)};
	return 0;
}

static void port_row(void *arg, uint16_t port, struct api_port_stats *row)
{
	struct run *r = arg;
	struct io_port_stats s;

	io_port_stats(r->io, port, &s);
	(void)text_copy(row->name, sizeof(row->name), s.name);
	(void)text_copy(row->device, sizeof(row->device), s.device);
	(void)text_copy(row->driver, sizeof(row->driver), s.driver);
	memcpy(row->mac, s.mac, sizeof(row->mac));
	row->up = s.up;
	row->speed_mbps = s.speed_mbps;
	row->mtu = s.mtu;
	row->rx_packets = s.rx_packets;
	row->rx_bytes = s.rx_bytes;
	row->rx_missed = s.rx_missed;
	row->rx_errors = s.rx_errors;
	row->tx_packets = s.tx_packets;
	row->tx_bytes = s.tx_bytes;
	row->tx_errors = s.tx_errors;
	row->tx_full = s.tx_full;
}

static uint64_t workers_clock(void *arg)
{
	const struct run *r = arg;

	return io_clock_us(r->io);
}

// The id of a user or group of the configuration; "" = none.
static int user_find(const char *name, struct passwd **pw, struct err_list *err)
{
	*pw = NULL;
	if (name == NULL || name[0] == '\0')
		return 0;
	*pw = getpwnam(name);
	if (*pw == NULL)
		err_add(err, "user %s: no such user", name);
	return *pw == NULL ? -ENOENT : 0;
}

// Why a creator failed that says so in errno, or forgot to.
static int failure(void)
{
	return errno != 0 ? -errno : -EIO;
}

static int link_open(struct run *r, struct err_list *err)
{
	const struct cfg_control *c = &r->cfg->control;
	struct lnk_conf conf = {.path = c->link,
		.eng = r->eng,
		.workers = r->eng_conf.workers,
		.ports = r->eng_conf.ports,
		.image_max = (uint64_t)r->cfg->dataplane.image_max_mb << 20,
		.hugepages = io_uses_hugepages(r->io),
		.cells = &r->cells,
		.uid = LNK_ID_NONE,
		.gid = LNK_ID_NONE,
		.port = port_row,
		.clock = workers_clock,
		.arg = r};
	char dir[LINK_PATH_BYTES];
	struct passwd *pw;

	if (user_find(c->user_controlplane, &pw, err) < 0)
		return -ENOENT;
	if (pw != NULL) {
		conf.uid = pw->pw_uid;
		conf.gid = pw->pw_gid;
	}
	(void)text_copy(dir, sizeof(dir), c->link);
	if (mkdir(dirname(dir), 0755) < 0 && errno != EEXIST) {
		int rc = -errno;

		err_add(err, "%s: %s", dir, strerror(-rc));
		return rc;
	}
	r->lnk = lnk_new(&conf, err);
	return r->lnk == NULL ? failure() : 0;
}

// What belongs to a thread and goes to those it starts, so before there are others: none of them
// ever gains anything by exec, and who becomes another user has nothing left that could come back.
static int privileges_bound(const char *user, struct err_list *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		err_add(err, "privileges: forbid new ones: %s", strerror(errno));
		return failure();
	}
	for (int c = 0; user != NULL && user[0] != '\0' && c <= CAP_LAST_CAP; c++) {
		// EINVAL: the kernel knows fewer than its headers.
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 && errno != EINVAL) {
			err_add(err, "privileges: drop from the bounding set: %s", strerror(errno));
			return failure();
		}
	}
	return 0;
}

// Devices and sockets are open: root is not needed any more. glibc changes the user of all threads
// at once, and the kernel takes their capabilities with it. The umask is the process's.
static int privileges_drop(const char *user, struct err_list *err)
{
	struct passwd *pw;

	(void)umask(UMASK); // cannot fail
	if (user_find(user, &pw, err) < 0)
		return -ENOENT;
	if (pw == NULL)
		return 0;
	if (initgroups(pw->pw_name, pw->pw_gid) < 0 ||
		setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0) {
		int rc = failure();

		err_add(err, "user %s: %s", user, strerror(-rc));
		return rc;
	}
	return 0;
}

// Errors of a start belong in the log: the program's name and their level stand before them.
static void errors_say(const struct err_list *err)
{
	const unsigned shown = err->kept - err->warnings;

	for (unsigned i = 0; i < err->kept; i++) {
		if (err->is_warning[i])
			LOG(WARNING, "%s", err->text[i]);
		else
			LOG(ERR, "%s", err->text[i]);
	}
	if (err->count > shown)
		LOG(ERR, "%u more", err->count - shown);
}

static int chores_turn(void *arg, uint64_t now_us)
{
	struct run *r = arg;

	return lnk_poll(r->lnk, now_us);
}

// Of the memory said before; the control plane has a copy of its own.
static void clients_say(const struct run *r)
{
	struct tbl_clients_counts n;

	if (eng_clients(r->eng) == NULL)
		return;
	tbl_clients_counts(eng_clients(r->eng), &n);
	LOG(NOTICE,
		"memory: %llu MB of it for %u bindings, %u subscribers, %u senders; blocks of ports "
		"take 12 bytes each beside it",
		(unsigned long long)(n.bytes >> 20), n.bindings_max, n.endpoints_max,
		n.senders_max);
}

static void ready_say(const struct run *r)
{
	const struct eng_conf *c = &r->eng_conf;

	for (uint16_t i = 0; i < c->ports; i++) {
		struct io_port_stats s;

		io_port_stats(r->io, i, &s);
		LOG(NOTICE, "port %s: %s (%s), MTU %u%s%s", s.name, s.device, s.driver, s.mtu,
			c->port[i].peer != ENG_NO_PORT ? ", peer " : "",
			c->port[i].peer != ENG_NO_PORT ? r->ports[c->port[i].peer].name : "");
	}
	LOG(NOTICE,
		"memory: %llu MB of %s for %u flows, %u messages, %u slabs; %llu MB%s for %u limit cells",
		(unsigned long long)(io_memory_bytes(r->io) >> 20),
		io_uses_hugepages(r->io) ? "hugepages" : "ordinary pages", c->flows, c->messages,
		c->slabs, (unsigned long long)(r->cells.bytes >> 20),
		r->cells.hugepages ? " of hugepages" : "", c->limit_cells);
	clients_say(r);
	LOG(NOTICE, "ready: %u ports, %u workers, link %s", c->ports, c->workers,
		r->cfg->control.link);
}

static void stopped_say(const struct run *r)
{
	for (uint16_t i = 0; i < r->eng_conf.ports; i++) {
		struct io_port_stats s;

		io_port_stats(r->io, i, &s);
		LOG(NOTICE, "port %s: received %llu, sent %llu, not taken %llu", s.name,
			(unsigned long long)s.rx_packets, (unsigned long long)s.tx_packets,
			(unsigned long long)s.tx_full);
	}
	LOG(NOTICE, "stopped");
}

// Those that would hang without us are reset, and their answers to it waited for.
static void connections_end(const struct run *r)
{
	const uint64_t begun_us = io_clock_us(r->io);
	uint64_t now_us = begun_us, looked_us = begun_us, reset = 0;
	bool looked = false;

	eng_drain_stop(r->eng, begun_us);
	while (!looked ? now_us - begun_us < LOOK_MOST_US
		       : reset > 0 && now_us - looked_us < ANSWERS_US) {
		eng_manage(r->eng, now_us);
		(void)poll(NULL, 0, STOP_TURN_MS);
		now_us = io_clock_us(r->io);
		if (!looked) {
			looked = eng_drain_is_stopped(r->eng, &reset);
			looked_us = now_us;
		}
	}
	LOG(NOTICE, "connections reset that would hang without us: %llu%s",
		(unsigned long long)reset, looked ? "" : "; not all were looked at in time");
}

static int parts_start(struct run *r, struct err_list *err)
{
	int ret = privileges_bound(r->cfg->control.user_dataplane, err);

	if (ret < 0)
		return ret;
	errno = 0;
	r->io = io_new(&r->io_conf, err);
	if (r->io == NULL)
		return failure();
	io_describe(r->io, &r->eng_conf);
	ret = lnk_cells_open(&r->cells, r->eng_conf.limit_cells, io_uses_hugepages(r->io), err);
	if (ret < 0)
		return ret;
	r->eng_conf.cells = r->cells.mem;
	errno = 0;
	r->eng = eng_new(&r->eng_conf, err);
	if (r->eng == NULL)
		return failure();
	ret = io_start(r->io, r->eng, err);
	if (ret == 0)
		ret = link_open(r, err);
	return ret < 0 ? ret : privileges_drop(r->cfg->control.user_dataplane, err);
}

static void parts_stop(struct run *r)
{
	if (r->io != NULL)
		io_stop(r->io);
	lnk_free(r->lnk);
	eng_free(r->eng);
	lnk_cells_close(&r->cells);
	io_free(r->io);
	free(r->routes);
	cfg_free(r->cfg);
}

int main(int argc, char **argv)
{
	static struct run run = {.cells = {.fd = -1}};
	static struct err_list err;
	struct options opt;
	int signal_fd, ret = options_read(argc, argv, &opt);

	if (ret >= 0)
		return ret;
	log_ident_set("mailweir-dataplane");
	err_init(&err);
	run.cfg = cfg_load_boot(opt.file, &err);
	bool fits = run.cfg != NULL && conf_fill(&run, &err) == 0;
	if (opt.check)
		err_print(&err, stderr);
	else
		errors_say(&err);
	if (!fits || opt.check) {
		free(run.routes);
		cfg_free(run.cfg);
		return fits ? 0 : EXIT_CONFIG;
	}
	err_init(&err);
	signal_fd = io_signals_open();
	if (signal_fd < 0) {
		LOG(ERR, "signals: %s", strerror(-signal_fd));
		return EXIT_MACHINE;
	}
	if (parts_start(&run, &err) < 0) {
		errors_say(&err);
		parts_stop(&run);
		return EXIT_MACHINE;
	}
	io_run(run.io);
	ready_say(&run);
	ret = io_manage(run.io, signal_fd,
		&(struct io_chores){.turn = chores_turn, .fd = lnk_fd(run.lnk), .arg = &run});
	if (ret == IO_EXIT_STALLED)
		_exit(ret); // the stuck worker would never be waited for to its end
	connections_end(&run);
	io_stop(run.io);
	stopped_say(&run);
	parts_stop(&run);
	return ret;
}
