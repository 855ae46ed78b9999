// SPDX-License-Identifier: BSD-3-Clause
// A secret is the file's bytes, the line end behind them apart; who may read them besides their owner and its
// group knows it, which is refused. Errors say which NAS, with the place in the configuration.
// Thread: one at a time.
#include "rad_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "pol_image.h"

#define WRONG(err, at, ...) err_at(err, (at)->file, (at)->line, (at)->col, __VA_ARGS__)

// ---- attributes

static bool ref_take(const struct rad_names *names, const char *name, const struct cfg_place *at,
	struct rad_ref *out, struct err_list *err)
{
	if (rad_names_find(names, name, out))
		return true;
	WRONG(err, at,
		"\"%s\" is no attribute that a dictionary knows; radius.dictionary can name more",
		name);
	return false;
}

static bool is_address(const struct rad_ref *r)
{
	return r->kind == RAD_KIND_ADDR_V4 || r->kind == RAD_KIND_ADDR_V6 ||
		r->kind == RAD_KIND_PREFIX;
}

static bool port_take(const struct rad_names *names, const char *name, const struct cfg_place *at,
	struct rad_ref *out, struct err_list *err)
{
	if (*name == '\0')
		return true;
	if (!ref_take(names, name, at, out, err))
		return false;
	if (out->kind != RAD_KIND_NUMBER)
		WRONG(err, at, "attribute \"%s\" is no number; a port is", name);
	return out->kind == RAD_KIND_NUMBER;
}

// Goes on behind an error, so that all of them are told.
static bool form_take(const struct rad_names *names, const struct cfg_nas *n, struct rad_form *out,
	struct err_list *err)
{
	bool ok = ref_take(names, n->id, &n->id_at, &out->id, err);

	for (uint32_t i = 0; i < n->naddress && i < RAD_ADDRESSES_MAX; i++) {
		bool known =
			ref_take(names, n->address[i], &n->address_at[i], &out->address[i], err);

		if (known && !is_address(&out->address[i])) {
			WRONG(err, &n->address_at[i],
				"attribute \"%s\" is no address; ipaddr, ipv6addr and ipv6prefix are",
				n->address[i]);
			known = false;
		}
		ok = ok && known;
	}
	ok = port_take(names, n->port_first, &n->port_first_at, &out->port_first, err) && ok;
	ok = port_take(names, n->port_last, &n->port_last_at, &out->port_last, err) && ok;
	out->host_order = n->host_order;
	return ok;
}

// ---- secrets

// 0, or -errno; -EPERM where others may read it. At most n + 1 bytes of it.
static int file_take(const char *path, uint8_t *buf, size_t n, size_t *got)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;

	*got = 0;
	if (fd < 0)
		return -errno;
	rc = fstat(fd, &st) < 0 ? -errno : 0;
	if (rc == 0 && !S_ISREG(st.st_mode)) // a pipe would hold us up
		rc = -EINVAL;
	if (rc == 0 && (st.st_mode & S_IRWXO) != 0)
		rc = -EPERM;
	while (rc == 0 && *got <= n) {
		const ssize_t k = read(fd, buf + *got, n + 1 - *got);

		if (k == 0)
			break;
		if (k < 0 && errno != EINTR)
			rc = -errno;
		*got += k > 0 ? (size_t)k : 0;
	}
	(void)close(fd); // it was read
	return rc;
}

static bool secret_take(const struct cfg_nas *n, struct rad_secret *out, struct err_list *err)
{
	enum { END = 2 }; // of a line
	uint8_t buf[sizeof(out->octets) + END + 1];
	size_t got;
	const int rc = file_take(n->secret_file, buf, sizeof(buf) - 1, &got);

	if (rc == 0 && got > 0 && buf[got - 1] == '\n')
		got -= got > 1 && buf[got - END] == '\r' ? END : 1;
	if (rc == -EPERM)
		WRONG(err, &n->secret_at, "secret_file: %s: others may read it; chmod o= it",
			n->secret_file);
	else if (rc == -EINVAL)
		WRONG(err, &n->secret_at, "secret_file: %s: is no regular file", n->secret_file);
	else if (rc != 0)
		WRONG(err, &n->secret_at, "secret_file: %s: cannot be read; %s", n->secret_file,
			strerror(-rc));
	else if (got == 0)
		WRONG(err, &n->secret_at, "secret_file: %s: is empty; a secret has 1 to %zu bytes",
			n->secret_file, sizeof(out->octets));
	else if (got > sizeof(out->octets))
		WRONG(err, &n->secret_at,
			"secret_file: %s: is too long; a secret has 1 to %zu bytes", n->secret_file,
			sizeof(out->octets));
	else
		memcpy(out->octets, buf, got);
	const bool ok = rc == 0 && got > 0 && got <= sizeof(out->octets);
	out->n = ok ? (uint8_t)got : 0;
	OPENSSL_cleanse(buf, sizeof(buf));
	return ok;
}

// ---- all of them

static struct rad_names *names_load(const struct cfg *c, struct err_list *err)
{
	struct err_list own;
	struct rad_names *names;

	err_init(&own);
	names = rad_names_load(c->radius.dictionary, &own);
	if (names == NULL && c->radius.dictionary_at.line != 0)
		WRONG(err, &c->radius.dictionary_at, "radius.dictionary cannot be used");
	err_append(err, &own);
	return names;
}

int rad_conf_check(const struct cfg *c, struct err_list *err)
{
	struct rad_names *names;
	bool ok = true;

	if (c->radius.nnas == 0 && *c->radius.dictionary == '\0')
		return 0;
	names = names_load(c, err);
	if (names == NULL)
		return -EINVAL;
	for (uint32_t i = 0; i < c->radius.nnas; i++) {
		struct rad_form form = {0};

		ok = form_take(names, &c->radius.nas[i], &form, err) && ok;
	}
	rad_names_free(names);
	return ok ? 0 : -EINVAL;
}

static bool client_take(const struct rad_names *names, const struct cfg_nas *n,
	struct rad_client *out, struct err_list *err)
{
	char prefix[PREFIX_TEXT_MAX];
	const char *name = n->name;

	*out = (struct rad_client){
		.prefix = n->prefix,
		.context = {.key = (uint32_t)pol_session_key(n->context) | 1,
			.vlan = n->vlan,
			.most = n->max_bindings},
		.event_time = n->event_time,
		.validate = n->validate,
		.respond = n->respond,
	};
	if (*name == '\0')
		name = prefix_format(&n->prefix, prefix, sizeof(prefix));
	(void)snprintf(out->name, sizeof(out->name), "%s", name); // it fits
	const bool ok = form_take(names, n, &out->form, err);
	return secret_take(n, &out->secret, err) && ok;
}

int rad_conf_clients(
	const struct cfg *c, struct rad_client **out, uint32_t *n, struct err_list *err)
{
	const uint32_t nas = c->radius.nnas;
	struct rad_names *names;
	struct rad_client *list = calloc((size_t)nas + 1, sizeof(*list));
	uint32_t good = 0;

	*out = NULL;
	*n = 0;
	if (list == NULL)
		return -ENOMEM;
	names = names_load(c, err);
	for (uint32_t i = 0; names != NULL && i < nas; i++)
		good += client_take(names, &c->radius.nas[i], &list[good], err);
	*out = list;
	*n = good;
	const bool all = names != NULL && good == nas;
	rad_names_free(names);
	return all ? 0 : -EINVAL;
}

void rad_conf_free(struct rad_client *clients, uint32_t n)
{
	if (clients != NULL)
		OPENSSL_cleanse(clients, n * sizeof(*clients));
	free(clients);
}
