// SPDX-License-Identifier: BSD-3-Clause
// Groups of rules: their names become bits, in the order in which the rules bring them. Which of them count
// is said by content profiles.
// Thread: one at a time.
#include "compile_int.h"

#include <errno.h>
#include <string.h>

static uint32_t group_find(const struct compile_groups *g, const char *name)
{
	uint32_t i = 0;

	while (i < g->n && strcmp(g->name[i], name) != 0)
		i++;
	return i;
}

static int group_add(struct compile_groups *g, struct pol_build *b, const struct cfg_rule *rule,
	struct err_list *err)
{
	const struct pol_group r = {
		.name = pol_build_string(b, rule->group),
		.key = pol_group_key(rule->group),
	};

	if (g->n == POL_GROUPS_MAX) {
		err_at(err, rule->file, rule->line, 0,
			"rule %u: group \"%s\" is one too many; at most %d", rule->id, rule->group,
			POL_GROUPS_MAX);
		return -EINVAL;
	}
	for (uint32_t i = 0; i < g->n; i++) {
		if (pol_group_key(g->name[i]) == r.key) {
			err_at(err, rule->file, rule->line, 0,
				"rule %u: group \"%s\" can't be told from \"%s\"; take another name",
				rule->id, rule->group, g->name[i]);
			return -EINVAL;
		}
	}
	g->name[g->n++] = rule->group;
	(void)pol_build_add(b, POL_SEC_GROUPS, &r);
	return 0;
}

int compile_groups_add(struct compile_groups *g, struct pol_build *b,
	const struct compile_input *in, struct err_list *err)
{
	int rc = 0;

	for (uint32_t s = 0; s < in->nrulesets; s++) {
		for (uint32_t i = 0; i < in->rulesets[s]->n && rc == 0; i++) {
			const struct cfg_rule *rule = &in->rulesets[s]->rules[i];

			if (rule->group != NULL && rule->group[0] != '\0' &&
				group_find(g, rule->group) == g->n)
				rc = group_add(g, b, rule, err);
		}
	}
	return rc;
}

uint8_t compile_group_of(const struct compile_groups *g, const struct cfg_rule *rule)
{
	uint32_t i;

	if (rule->group == NULL || rule->group[0] == '\0')
		return 0;
	i = group_find(g, rule->group);
	return i < g->n ? (uint8_t)(i + 1) : 0;
}

int compile_groups_of(const struct compile_groups *g, const struct cfg_content *c, uint32_t *mask,
	struct err_list *err)
{
	int rc = 0;

	*mask = c->ngroups == 0 ? UINT32_MAX : 0;
	for (uint32_t k = 0; k < c->ngroups; k++) {
		uint32_t i = group_find(g, c->groups[k]);
		const char *near = cfg_nearest(c->groups[k], g->name, g->n, sizeof(g->name[0]));

		if (i < g->n) {
			*mask |= UINT32_C(1) << i;
			continue;
		}
		err_at(err, c->at.file, c->at.line, c->at.col,
			"content profile \"%s\": no rule is of a group \"%s\"%s%s%s", c->name,
			c->groups[k], near != NULL ? "; the nearest is \"" : "",
			near != NULL ? near : "", near != NULL ? "\"" : "");
		rc = -EINVAL;
	}
	return rc;
}
