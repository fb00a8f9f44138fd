/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM drvbus

#if !defined(DRVBUS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DRVBUS_TRACE_H

#include <linux/tracepoint.h>

#include "compat.h"
#include "ring.h"

TRACE_EVENT(drvbus_emit,
	    TP_PROTO(const char *channel, u64 sequence,
		     const struct drvbus_event *event),

	    TP_ARGS(channel, sequence, event),

	    TP_STRUCT__entry(__string(channel, channel)
			     __field(u64, sequence)
			     __field(u32, id)
			     __field(u32, flags)
			     __field(u32, length)),

	    TP_fast_assign(drvbus_assign_str(channel, channel);
			   __entry->sequence = sequence;
			   __entry->id = event->id;
			   __entry->flags = event->flags;
			   __entry->length = event->length;),

	    TP_printk("channel=%s sequence=%llu id=%u flags=%#x length=%u",
		      __get_str(channel), __entry->sequence, __entry->id,
		      __entry->flags, __entry->length)
);

#endif /* DRVBUS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE drvbus_trace
#include <trace/define_trace.h>
