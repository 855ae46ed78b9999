// SPDX-License-Identifier: BSD-3-Clause
// HMAC-SHA-256 of OpenSSL (RFC 2104), its first 128 bits: enough that no two addresses meet.
// Upper and lower case are one, as they are to mail servers; other bytes are taken as they come.
// Thread: the loop's.
#include "serve_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { BITS_SHOWN = 128, TEXT_MAX = 256 };

struct serve_hash {
	size_t n;
	uint8_t key[SERVE_KEY_MAX + 1]; // one more tells of a file that is too long
};

// 0, or -errno; -EACCES where others may read it.
static int key_read(struct serve_hash *h, const char *path)
{
	struct stat st;
	ssize_t k;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;

	if (fd < 0)
		return -errno;
	rc = fstat(fd, &st) < 0 ? -errno : (st.st_mode & S_IRWXO) != 0 ? -EACCES : 0;
	if (rc == 0 && !S_ISREG(st.st_mode)) // a pipe would hold the start up
		rc = -EINVAL;
	while (rc == 0 && h->n < sizeof(h->key)) {
		k = read(fd, h->key + h->n, sizeof(h->key) - h->n);
		if (k == 0)
			break;
		if (k < 0 && errno != EINTR)
			rc = -errno;
		h->n += k > 0 ? (size_t)k : 0;
	}
	(void)close(fd); // it was read
	return rc;
}

struct serve_hash *serve_hash_open(const char *path, struct err_list *err)
{
	static const char key[] = "control.event_hash_key";
	struct serve_hash *h = calloc(1, sizeof(*h));
	int rc = h == NULL ? -ENOMEM : key_read(h, path);

	if (rc == 0 && h->n > 0 && h->key[h->n - 1] == '\n')
		h->n--;
	if (rc == -EACCES)
		err_add(err, "%s: %s: cannot be read, or others may read it as well", key, path);
	else if (rc == -EINVAL)
		err_add(err, "%s: %s: is no regular file", key, path);
	else if (rc != 0)
		err_add(err, "%s: %s: %s", key, path, strerror(-rc));
	else if (h->n < SERVE_KEY_MIN || h->n > SERVE_KEY_MAX)
		err_add(err, "%s: %s: has %zu bytes; a key has %d to %d", key, path, h->n,
			SERVE_KEY_MIN, SERVE_KEY_MAX);
	else
		return h;
	serve_hash_close(h);
	return NULL;
}

void serve_hash_close(struct serve_hash *h)
{
	if (h == NULL)
		return;
	OPENSSL_cleanse(h->key, sizeof(h->key));
	free(h);
}

const char *serve_hash_text(const struct serve_hash *h, struct span text, char out[SERVE_HASH_MAX])
{
	uint8_t lower[TEXT_MAX], mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	size_t at;

	out[0] = '\0';
	if (text.n == 0)
		return out;
	at = (size_t)snprintf(out, SERVE_HASH_MAX, "hmac:");
	if (text.n > sizeof(lower)) // no field of a record is so long
		return out;
	for (size_t i = 0; i < text.n; i++)
		lower[i] = text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] | 0x20 : text.p[i];
	if (HMAC(EVP_sha256(), h->key, (int)h->n, lower, text.n, mac, &n) == NULL)
		return out;
	for (unsigned i = 0; i < BITS_SHOWN / 8 && i < n; i++)
		at += (size_t)snprintf(out + at, SERVE_HASH_MAX - at, "%02x", mac[i]);
	return out;
}
