#include <zlib.h>

// A macro that Swift cannot see. 16 above the largest window: gzip members, and nothing else.
static inline int skein_inflate_init_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 16); }
