/* postgres_calls.c - libpq, opened when a PostgreSQL is first named (sys/library.h): what is used of it. */
#include "db/postgres_priv.h"
#include "sys/library.h"

#define FUNCTIONS(X)                                                                                                   \
	X(PQclear)                                                                                                     \
	X(PQcmdStatus)                                                                                                 \
	X(PQcmdTuples)                                                                                                 \
	X(PQconnectionNeedsPassword)                                                                                   \
	X(PQconnectionUsedPassword)                                                                                    \
	X(PQconnectdb)                                                                                                 \
	X(PQconnectdbParams)                                                                                           \
	X(PQconninfoFree)                                                                                              \
	X(PQconninfoParse)                                                                                             \
	X(PQconsumeInput)                                                                                              \
	X(PQenterPipelineMode)                                                                                         \
	X(PQerrorMessage)                                                                                              \
	X(PQexec)                                                                                                      \
	X(PQexitPipelineMode)                                                                                          \
	X(PQfinish)                                                                                                    \
	X(PQflush)                                                                                                     \
	X(PQfreemem)                                                                                                   \
	X(PQftype)                                                                                                     \
	X(PQgetResult)                                                                                                 \
	X(PQgetisnull)                                                                                                 \
	X(PQgetlength)                                                                                                 \
	X(PQgetvalue)                                                                                                  \
	X(PQisBusy)                                                                                                    \
	X(PQnfields)                                                                                                   \
	X(PQntuples)                                                                                                   \
	X(PQparameterStatus)                                                                                           \
	X(PQpass)                                                                                                      \
	X(PQpipelineSync)                                                                                              \
	X(PQresultErrorField)                                                                                          \
	X(PQresultErrorMessage)                                                                                        \
	X(PQresultStatus)                                                                                              \
	X(PQsendPrepare)                                                                                               \
	X(PQsendQuery)                                                                                                 \
	X(PQsendQueryParams)                                                                                           \
	X(PQsendQueryPrepared)                                                                                         \
	X(PQsetNoticeProcessor)                                                                                        \
	X(PQsetnonblocking)                                                                                            \
	X(PQsocket)                                                                                                    \
	X(PQstatus)                                                                                                    \
	X(PQtransactionStatus)

LIBRARY(FUNCTIONS, "libpq.so.5", "libpq5", NULL);

int pg_library_open(struct err *e)
{
	return library_open(&library, e);
}

/* ---- connections ---- */

LIBRARY_CALL(PGconn *, PQconnectdb, (const char *info), (info), NULL)
LIBRARY_CALL(PGconn *, PQconnectdbParams, (const char *const *keys, const char *const *values, int expand),
	(keys, values, expand), NULL)
LIBRARY_CALL(PQconninfoOption *, PQconninfoParse, (const char *info, char **why), (info, why), NULL)
LIBRARY_END(PQconninfoFree, (PQconninfoOption * o), (o))
LIBRARY_CALL(ConnStatusType, PQstatus, (const PGconn *c), (c), CONNECTION_BAD)
LIBRARY_CALL(PGTransactionStatusType, PQtransactionStatus, (const PGconn *c), (c), PQTRANS_UNKNOWN)
LIBRARY_CALL(const char *, PQparameterStatus, (const PGconn *c, const char *name), (c, name), NULL)
LIBRARY_CALL(char *, PQerrorMessage, (const PGconn *c), (c), NULL)
LIBRARY_CALL(char *, PQpass, (const PGconn *c), (c), NULL)
LIBRARY_CALL(int, PQconnectionNeedsPassword, (const PGconn *c), (c), 0)
LIBRARY_CALL(int, PQconnectionUsedPassword, (const PGconn *c), (c), 0)
LIBRARY_CALL(int, PQsocket, (const PGconn *c), (c), -1)
LIBRARY_CALL(PQnoticeProcessor, PQsetNoticeProcessor, (PGconn * c, PQnoticeProcessor on, void *arg), (c, on, arg), NULL)
LIBRARY_CALL(int, PQsetnonblocking, (PGconn * c, int on), (c, on), -1)
LIBRARY_END(PQfinish, (PGconn * c), (c))
LIBRARY_END(PQfreemem, (void *p), (p))

/* ---- statements ---- */

LIBRARY_CALL(PGresult *, PQexec, (PGconn * c, const char *sql), (c, sql), NULL)
LIBRARY_CALL(int, PQenterPipelineMode, (PGconn * c), (c), 0)
LIBRARY_CALL(int, PQexitPipelineMode, (PGconn * c), (c), 0)
LIBRARY_CALL(int, PQpipelineSync, (PGconn * c), (c), 0)
LIBRARY_CALL(int, PQsendQuery, (PGconn * c, const char *sql), (c, sql), 0)
LIBRARY_CALL(int, PQsendQueryParams,
	(PGconn * c, const char *sql, int n, const Oid *types, const char *const *values, const int *lengths,
		const int *formats, int result),
	(c, sql, n, types, values, lengths, formats, result), 0)
LIBRARY_CALL(int, PQsendPrepare, (PGconn * c, const char *name, const char *sql, int n, const Oid *types),
	(c, name, sql, n, types), 0)
LIBRARY_CALL(int, PQsendQueryPrepared,
	(PGconn * c, const char *name, int n, const char *const *values, const int *lengths, const int *formats,
		int result),
	(c, name, n, values, lengths, formats, result), 0)
LIBRARY_CALL(int, PQflush, (PGconn * c), (c), -1)
LIBRARY_CALL(int, PQisBusy, (PGconn * c), (c), 0)
LIBRARY_CALL(int, PQconsumeInput, (PGconn * c), (c), 0)

/* ---- results ---- */

LIBRARY_CALL(PGresult *, PQgetResult, (PGconn * c), (c), NULL)
LIBRARY_CALL(ExecStatusType, PQresultStatus, (const PGresult *r), (r), PGRES_FATAL_ERROR)
LIBRARY_CALL(char *, PQresultErrorMessage, (const PGresult *r), (r), NULL)
LIBRARY_CALL(char *, PQresultErrorField, (const PGresult *r, int field), (r, field), NULL)
LIBRARY_CALL(char *, PQcmdStatus, (PGresult * r), (r), NULL)
LIBRARY_CALL(char *, PQcmdTuples, (PGresult * r), (r), NULL)
LIBRARY_CALL(int, PQntuples, (const PGresult *r), (r), 0)
LIBRARY_CALL(int, PQnfields, (const PGresult *r), (r), 0)
LIBRARY_CALL(Oid, PQftype, (const PGresult *r, int col), (r, col), InvalidOid)
LIBRARY_CALL(char *, PQgetvalue, (const PGresult *r, int row, int col), (r, row, col), NULL)
LIBRARY_CALL(int, PQgetlength, (const PGresult *r, int row, int col), (r, row, col), 0)
LIBRARY_CALL(int, PQgetisnull, (const PGresult *r, int row, int col), (r, row, col), 1)
LIBRARY_END(PQclear, (PGresult * r), (r))
