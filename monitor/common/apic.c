/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "apic.h"

struct apic_place apic_place;
