/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulated shop: what can be changed between two restores, what can be wrong, how it looks,
 * and what a technician does for each experiment. Tables and their types; diagnoses nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/diagnosis/verdict.h"
#include "common/model/phone_model.h"

/* What a technician can change. 0 is how the phone and the bench were at first. */
enum knob {
	KNOB_CABLE,
	KNOB_PORT,
	KNOB_COMPUTER,
	KNOB_USBMUXD, /* restarted */
	KNOB_TOOL,
	KNOB_FIRMWARE,
	KNOB_NETWORK,
	KNOB_ACTION, /* the other kind of restore */
	KNOB_ENTRY,  /* DFU mode */
	KNOB_FLEX,   /* 1 disconnected, 2 replaced */
	KNOB_BATTERY,
	KNOB_CHARGE_FLEX,
	KNOB_DISPLAY,
	KNOB_MINIMAL,
	KNOB_COUNT,
};

#define KNOB_BIT(knob) (1u << (knob))

struct setup {
	unsigned knobs[KNOB_COUNT];
};

/* Where a restore stops. */
enum point {
	POINT_FILE,	 /* the tool reads the firmware file */
	POINT_SERVER,	 /* it requests the ticket */
	POINT_UPLOAD,	 /* it sends the restore system to the phone */
	POINT_KERNEL,	 /* the phone is due in restore mode */
	POINT_OPERATION, /* in restore mode; operation 0: a different one each time */
};

/* How it stops. */
enum ending {
	ENDING_ERROR,	/* the tool prints an error and ends; the phone stays as it is */
	ENDING_BOUNCE,	/* the phone comes back in recovery mode */
	ENDING_DFU,	/* the same in DFU mode */
	ENDING_ABSENT,	/* it does not come back */
	ENDING_STATUS,	/* the phone reports why */
	ENDING_CONTACT, /* the phone leaves USB and is back in the same mode after a moment */
	ENDING_RESET,	/* the phone leaves USB and comes back in recovery mode */
	ENDING_DROPPED, /* a transfer fails; usbmuxd drops the phone, which stays on USB */
	ENDING_MUX,	/* usbmuxd ends */
	ENDING_HIDDEN,	/* the phone is there, and usbmuxd does not list it */
	ENDING_HANG,	/* nothing goes on, and the technician stops the tool */
	ENDING_CRASH,	/* the tool crashes */
};

#define SYMPTOM_LINES_MAX 6

/* A way in which a restore fails. */
struct symptom {
	const char *name;
	enum point point;
	enum ending ending;
	uint32_t operation;
	int status;	       /* of ENDING_STATUS: the number that the phone reports */
	int itunes;	       /* what Apple's tool shows for it; 0 = its usual number */
	const char *kernel[3]; /* lines of the kernel some seconds before; PORT is the port */
	const char *log[SYMPTOM_LINES_MAX]; /* lines of the tool and of the phone's own log */
};

#define PLANT_SYMPTOMS_MAX 7
#define PLANT_HISTORY_MAX 3
#define PLANT_CAUSES_MAX 3

enum phone_kind { PHONE_ANY, PHONE_FACE_ID, PHONE_AUDIO_IC };

/* The one thing that is wrong with a phone or with its bench. */
struct plant {
	const char *name;
	const char *causes[PLANT_CAUSES_MAX]; /* what a verdict may call it */
	unsigned cured_by;		      /* knobs; 0 = only the board shop */
	unsigned fails_percent;		      /* how often a restore fails with it */
	bool varies;			      /* each restore may fail in another way */
	bool anonymous;	      /* nothing shows which part it is: its phase is the truth */
	bool on_line;	      /* it is the phone's own end of the link */
	enum phone_kind kind; /* on which phones */
	struct {
		const char *name;
		unsigned weight;
	} symptoms[PLANT_SYMPTOMS_MAX];
	struct {
		const char *word;
		unsigned percent;
	} history[PLANT_HISTORY_MAX];
};

#define TRIAL_CHANGES_MAX 2
#define NEXT 1000 /* a value that was not used yet */

/* What a technician changes for an experiment of the program. */
struct trial {
	const char *experiment;
	struct {
		enum knob knob;
		unsigned value;
	} changes[TRIAL_CHANGES_MAX];
	unsigned change_count;
	unsigned more;	   /* attempts after the first */
	const char *noted; /* a word for the history of the phone */
	bool good_phone;   /* a known-good phone is restored instead of this one */
	bool part_back;	   /* the first part that was changed is as it came */
	bool ends;	   /* the phone leaves the shop */
};

extern const struct plant plants[];
extern const size_t plant_count;
extern const struct trial trials[];
extern const size_t trial_count;

/* The order of knowledge/procedure.md for one who looks at no evidence: a change at a time, the
 * changes that went before stay. */
extern const enum knob fixed_order[];
extern const size_t fixed_order_count;

const struct symptom *symptom_find(const char *name);
/* The row of an experiment; NULL if the table has none. */
const struct trial *trial_find(const char *experiment);
/* Whether the plant is at work with this setup. */
bool plant_acts(const struct plant *plant, const struct setup *setup);
/* Turns a knob; another computer comes with its own tool and file, as `own` says. */
void setup_turn(struct setup *setup, enum knob knob, unsigned value, unsigned own);

/* Numbers that depend on the seed alone. */
struct dice {
	uint64_t state;
};

struct dice dice_new(uint64_t seed, uint64_t stream);
/* 0 to `sides` - 1. */
unsigned dice_roll(struct dice *dice, unsigned sides);

static inline bool dice_chance(struct dice *dice, unsigned percent)
{
	return dice_roll(dice, 100) < percent;
}
