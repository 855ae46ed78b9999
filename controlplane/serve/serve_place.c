// SPDX-License-Identifier: BSD-3-Clause
// Countries of addresses (serve_place.h). The library reads a file by its pages: one that somebody cuts short
// meanwhile would kill the process, so it gets a copy without a name, which nobody else can write. What the
// file says is not trusted: the library minds its bounds, a code is two letters or there is none.
// Thread: the loop's.
#include "serve_place.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <maxminddb.h>

#include "log.h"

LOG_COMPONENT("serve");

enum {
	SIZE_MAX_MB = 512,
	CHUNK = 1 << 24,
	PROBES = 256, // addresses looked up before a file is believed
};

struct serve_place {
	MMDB_s db;
	struct stat st; // of the file that was read
};

#define WRONG(err, conf, fmt, ...)                                                               \
	err_at(err, (conf)->geoip_at.file, (conf)->geoip_at.line, (conf)->geoip_at.col,          \
		"reputation.geoip_database: %s: " fmt, (conf)->geoip_database, ##__VA_ARGS__)

// ---- a copy of our own

// 0 or -errno: -EINVAL no regular file, -EFBIG too long.
static int copy_fill(int to, int from, struct stat *st)
{
	off_t left;

	if (fstat(from, st) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode)) // a pipe would hold us up
		return -EINVAL;
	if (st->st_size > (off_t)SIZE_MAX_MB << 20)
		return -EFBIG;
	for (left = st->st_size; left > 0;) {
		const ssize_t k = sendfile(to, from, NULL, left < CHUNK ? (size_t)left : CHUNK);

		if (k < 0 && errno != EINTR)
			return -errno;
		if (k == 0) // it became shorter: what there is has to do
			break;
		left -= k > 0 ? k : 0;
	}
	return 0;
}

// A descriptor of the copy, or -errno as above.
static int copy_make(const char *path, struct stat *st)
{
	const int from = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int to, rc;

	if (from < 0)
		return -errno;
	to = memfd_create("geoip_database", MFD_CLOEXEC);
	rc = to < 0 ? -errno : copy_fill(to, from, st);
	(void)close(from); // only read
	if (rc == 0)
		return to;
	if (to >= 0)
		(void)close(to); // nobody wants it
	return rc;
}

// ---- looking up

static int find(const struct serve_place *p, const struct addr *a, MMDB_lookup_result_s *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	int rc = MMDB_SUCCESS;

	memcpy(&v4.sin_addr, a->b + 12, 4);
	memcpy(&v6.sin6_addr, a->b, 16);
	*out = MMDB_lookup_sockaddr(&p->db,
		addr_is_v4(a) ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6, &rc);
	if (rc == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR) { // it has no address of the kind
		out->found_entry = false;
		rc = MMDB_SUCCESS;
	}
	return rc;
}

// Its country; failing that the one where the address is registered.
static int code_find(const struct serve_place *p, const struct addr *a, MMDB_entry_data_s *out)
{
	static const char *const of[] = {"country", "registered_country"};
	MMDB_lookup_result_s r;
	int rc = find(p, a, &r);

	out->has_data = false;
	for (unsigned i = 0; rc == MMDB_SUCCESS && r.found_entry && !out->has_data && i < 2; i++) {
		rc = MMDB_get_value(&r.entry, out, of[i], "iso_code", NULL);
		if (rc == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR ||
			rc == MMDB_INVALID_LOOKUP_PATH_ERROR) {
			out->has_data = false;
			rc = MMDB_SUCCESS;
		}
	}
	return rc;
}

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

bool serve_place_of(const struct serve_place *p, const struct addr *a, char code[SERVE_PLACE_MAX])
{
	MMDB_entry_data_s data;

	if (p == NULL || code_find(p, a, &data) != MMDB_SUCCESS || !data.has_data ||
		data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != SERVE_PLACE_MAX - 1 ||
		!is_capital(data.utf8_string[0]) || !is_capital(data.utf8_string[1]))
		return false;
	memcpy(code, data.utf8_string, SERVE_PLACE_MAX - 1);
	code[SERVE_PLACE_MAX - 1] = '\0';
	return true;
}

// Addresses all over both families: an error of the library, where the tree or its data are spoiled.
static int probe(const struct serve_place *p)
{
	int rc = MMDB_SUCCESS;

	for (unsigned i = 0; rc == MMDB_SUCCESS && i < 2 * PROBES; i++) {
		const uint8_t octet = (uint8_t)i;
		const uint8_t v4[4] = {octet, octet, octet, octet};
		struct addr a = addr_from_v4(v4);
		MMDB_entry_data_s data;

		if (i >= PROBES) // in 2000::/3
			a = (struct addr){.b = {0x20 | (octet >> 3), (uint8_t)(octet << 5), octet}};
		rc = code_find(p, &a, &data);
	}
	return rc;
}

// ---- opening

static int place_read(struct serve_place *p, const struct cfg_reputation *conf, int fd, struct err_list *err)
{
	char name[64];
	int rc;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd); // it fits
	rc = MMDB_open(name, MMDB_MODE_MMAP, &p->db);
	if (rc != MMDB_SUCCESS) {
		WRONG(err, conf, "is no MaxMind DB; %s", MMDB_strerror(rc));
		return -EINVAL;
	}
	rc = probe(p);
	if (rc == MMDB_SUCCESS)
		return 0;
	WRONG(err, conf, "is spoiled; %s", MMDB_strerror(rc));
	MMDB_close(&p->db);
	return -EINVAL;
}

int serve_place_open(const struct cfg_reputation *conf, struct serve_place **out, struct err_list *err)
{
	struct serve_place *p;
	struct stat st;
	int fd, rc;

	*out = NULL;
	if (*conf->geoip_database == '\0')
		return 0;
	fd = copy_make(conf->geoip_database, &st);
	if (fd == -EINVAL)
		WRONG(err, conf, "is no regular file");
	else if (fd == -EFBIG)
		WRONG(err, conf, "has more than %d MB", SIZE_MAX_MB);
	else if (fd < 0)
		WRONG(err, conf, "cannot be read; %s", strerror(-fd));
	if (fd < 0)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	rc = p == NULL ? -ENOMEM : place_read(p, conf, fd, err);
	(void)close(fd); // the library has its own
	if (rc == -ENOMEM)
		WRONG(err, conf, "out of memory");
	if (rc != 0) {
		free(p);
		return rc;
	}
	p->st = st;
	*out = p;
	return 0;
}

void serve_place_close(struct serve_place *p)
{
	if (p != NULL)
		MMDB_close(&p->db);
	free(p);
}

int serve_place_judge(const struct cfg_reputation *conf, struct err_list *err)
{
	struct serve_place *p;
	const int rc = serve_place_open(conf, &p, err);

	serve_place_close(p);
	return rc;
}

// Is that file the one that was read?
static bool is_same(const struct serve_place *p, const char *path)
{
	struct stat st;

	return p != NULL && stat(path, &st) == 0 && st.st_dev == p->st.st_dev &&
		st.st_ino == p->st.st_ino && st.st_size == p->st.st_size &&
		st.st_mtim.tv_sec == p->st.st_mtim.tv_sec &&
		st.st_mtim.tv_nsec == p->st.st_mtim.tv_nsec;
}

void serve_place_change(struct serve_place **p, const struct cfg_reputation *conf)
{
	struct serve_place *next;
	struct err_list err;

	if (is_same(*p, conf->geoip_database))
		return;
	err_init(&err);
	if (serve_place_open(conf, &next, &err) == 0) {
		serve_place_close(*p);
		*p = next;
		return;
	}
	for (unsigned i = 0; i < err.kept; i++)
		LOG(ERR, "%s", err.text[i]);
	LOG(ERR, *p == NULL ? "countries of senders are not known" : "the countries before stay");
}
