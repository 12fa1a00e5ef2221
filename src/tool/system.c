/* system.c - the tool that tells an administrator how the machine is. */
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "sys/metrics.h"
#include "sys/sandbox.h"
#include "tool/tool_priv.h"

#define MB(bytes) ((unsigned long long)(bytes) >> 20)

static unsigned long long resident(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%*s %llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

int system_info_call(struct builtin_call *c, struct err *e UNUSED)
{
	struct buf *b = &c->ret->text;
	struct statvfs disk;
	struct sysinfo info;
	struct utsname name;
	const char *why = sandbox_why();

	*b = BUF_INIT(8192);
	buf_add_str(b, "Atelier " ATELIER_VERSION "\n");
	if (uname(&name) == 0)
		buf_printf(b, "System: %s %s, %s\n", name.sysname, name.release, name.machine);
	if (sysinfo(&info) == 0)
		buf_printf(b, "Up for %ld s; load %.2f, %.2f, %.2f; %ld processors\nMemory: %llu MB, %llu MB free\n",
			info.uptime, (double)info.loads[0] / 65536, (double)info.loads[1] / 65536,
			(double)info.loads[2] / 65536, sysconf(_SC_NPROCESSORS_ONLN),
			MB(info.totalram * (unsigned long long)info.mem_unit),
			MB(info.freeram * (unsigned long long)info.mem_unit));
	buf_printf(b, "Atelier itself: %llu MB, %lld open connections\n", MB(resident()),
		(long long)metric_get(M_http_connections));
	if (statvfs(c->tools->config.folder, &disk) == 0)
		buf_printf(b, "Disk of the data folder: %llu MB free of %llu MB\n",
			MB((unsigned long long)disk.f_bavail * disk.f_frsize),
			MB((unsigned long long)disk.f_blocks * disk.f_frsize));
	buf_printf(b, "Sandbox: %s\n", why ? why : "in order");
	return 0;
}
