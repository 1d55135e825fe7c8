/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Generated from VERSION by `make regen`: edit VERSION instead. */

/* The version of vmirom: of the kits, the headers and the images that come with them. */
#ifndef VMI_VERSION_H
#define VMI_VERSION_H

#define VMI_VERSION_MAJOR 0
#define VMI_VERSION_MINOR 2
#define VMI_VERSION_PATCH 0
#define VMI_VERSION       "0.2.0"

/* To compare: later versions have greater numbers. */
#define VMI_VERSION_NUMBER (VMI_VERSION_MAJOR * 10000 + VMI_VERSION_MINOR * 100 + VMI_VERSION_PATCH)

#endif
