/*
 * Who may look into this process. A process that is not dumpable shows its memory to nobody but
 * root: not through /proc/PID/mem, ptrace(2) or process_vm_readv(2), and not as a core dump. Its
 * children inherit that, until they execute a program. The kernel gives its files in /proc to root:
 * a process may still read its own, but with ProtectProc=invisible no other one of its user sees
 * that it is there.
 */
#pragma once

/* Lets the processes of this user look in, and the kernel write core dumps, or not. */
void dumpable_set(int is_dumpable);
