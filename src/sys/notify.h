/* notify.h - telling systemd how the service is (Type=notify). */
#pragma once

/* "READY=1", "STOPPING=1": goes to the socket that NOTIFY_SOCKET names; nothing happens when it names none. */
void notify_service(const char *state);
