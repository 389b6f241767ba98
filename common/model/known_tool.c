/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/known_tool.h"

#include "common/base/macro.h"
#include "common/base/text.h"

static const struct known_tool tools[] = {
#include "common/knowledge/tools.inc"
};

const struct known_tool *known_tool_all(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(tools);
	return tools;
}

const struct known_tool *known_tool_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
		if (text_equal(tools[i].name, name))
			return &tools[i];
	return NULL;
}

const struct known_tool *known_tool_of_program(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
		if (text_starts_with(name, tools[i].name))
			return &tools[i];
	return NULL;
}

enum program_role program_role(const char *name)
{
	const struct known_tool *tool = known_tool_of_program(name);

	return tool ? tool->role : PROGRAM_OTHER;
}
