// SPDX-License-Identifier: BSD-3-Clause
// The whole compilation in one call, in this process, and the image for a start with nothing.
// Thread: one at a time.
#include "compile_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int compile_finish(const struct pol_build *b, uint64_t version, int64_t made_s, uint8_t **bytes,
	size_t *n, struct err_list *err)
{
	const struct pol_image *img;
	int rc = pol_build_finish(b, version, made_s, bytes, n);

	if (rc != 0) {
		err_add(err, "policy image: out of memory");
		return rc;
	}
	// What the data plane would refuse must not leave: the operator hears it now.
	if (pol_verify((struct span){.p = *bytes, .n = *n}, &img, err) != 0) {
		free(*bytes);
		return -EIO;
	}
	return 0;
}

int compile_image(const struct compile_input *in, uint8_t **bytes, size_t *n, struct err_list *err)
{
	struct compile_patterns *p = compile_patterns_new(in->rulesets, in->nrulesets, err);
	struct pol_build *b = pol_build_new();
	struct compile_databases dbs = {0};
	int rc = p == NULL ? -EINVAL : b == NULL ? -ENOMEM : 0;
	int made;

	if (rc != 0)
		goto free_build;
	rc = compile_names(b, in, err);
	made = compile_databases_make(p, &dbs, err);
	rc = rc == 0 ? made : rc;
	if (rc != 0)
		goto free_databases;
	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++)
		pol_build_database(b, s, dbs.scope[s].bytes, dbs.scope[s].n);
	rc = compile_finish(b, in->version, in->made_s, bytes, n, err);
free_databases:
	compile_databases_fini(&dbs);
free_build:
	pol_build_free(b);
	free(p);
	return rc;
}

int compile_check(const struct cfg *cfg, struct err_list *err)
{
	unsigned before = err->count;
	struct cfg_ruleset *rules = cfg_rules_of(cfg, err);
	const struct cfg_ruleset *sets[] = {rules};
	struct compile_input in = {
		.cfg = cfg, .rulesets = sets, .nrulesets = rules != NULL, .version = 1};
	uint8_t *bytes = NULL;
	int rc = -EINVAL;
	size_t n;

	if (err->count == before)
		rc = compile_image(&in, &bytes, &n, err);
	if (rc != 0 && rc != -EINVAL && err->count == before)
		err_add(err, "compilation: %s", strerror(-rc));
	free(bytes);
	if (rules != NULL)
		cfg_rules_free(rules);
	return rc;
}

int compile_empty(uint64_t version, int64_t made_s, uint8_t **bytes, size_t *n)
{
	struct pol_build *b = pol_build_new();
	int rc = b == NULL ? -ENOMEM : pol_build_finish(b, version, made_s, bytes, n);

	pol_build_free(b);
	return rc;
}
