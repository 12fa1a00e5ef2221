/* patience.h - how long a test waits for what must come before it says that something hangs. It measures nothing: a busy machine
 * takes what it takes. */
#pragma once

enum { PATIENCE_MS = 60000 };
