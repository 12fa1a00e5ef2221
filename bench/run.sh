#!/bin/sh
# Measures Atelier beside nginx: bench/run.sh ATELIER LOAD [options of the load program]. Installs nothing on the system;
# for the case `gateway` bench/peers.sh fetches two programs into build/peers (PEERS=no: it does not).
set -eu

if [ $# -lt 2 ]; then
	echo "Usage: bench/run.sh build/atelier build/bench/bench/load [--quick] [--case NAME] [--reps N] [--seconds N]" >&2
	exit 2
fi
atelier=$1 load=$2
shift 2

missing=
[ -x "$load" ] || missing="$missing
  the load program $load (make bench builds it)"
[ "$atelier" = - ] || [ -x "$atelier" ] || missing="$missing
  the program $atelier (make)"
nginx=$(PATH="$PATH:/usr/sbin:/sbin" command -v nginx || true)
[ -n "$nginx" ] || missing="$missing
  nginx (Debian: the package nginx-light)"
if [ -n "$missing" ]; then
	echo "Missing for the measurement:$missing" >&2
	exit 2
fi
if [ "$(nproc)" -lt 2 ]; then
	echo "Note: with one core the load program and the relays share it; the latencies say little." >&2
fi
echo "Atelier beside nginx, $(nproc) cores, $(uname -sr), $("$nginx" -v 2>&1 | sed 's/.*: //'), load $(cut -d' ' -f1 /proc/loadavg)"
case " $* " in
*" --case gateway "* | *" --case=gateway "*) wanted=yes ;;
*" --case"*) wanted=no ;;
*) wanted=yes ;;
esac
if [ "$wanted" = yes ] && [ "${PEERS:-yes}" != no ]; then
	here=$(dirname "$0")/..
	"$here/bench/peers.sh"
	PATH=$("$here/tools/node"):$PATH # the Node.js that the build uses runs Portkey
	litellm=$here/build/peers/litellm/bin/litellm
	portkey=$here/build/peers/portkey/node_modules/@portkey-ai/gateway/build/start-server.js
	[ ! -x "$litellm" ] || set -- "$@" --litellm "$litellm"
	[ ! -e "$portkey" ] || set -- "$@" --portkey "$portkey"
fi
exec "$load" "$atelier" "$nginx" "$@"
