// Package check holds tests of the deployment files in deploy: that the tools they
// are for can read them, that the flags, ports, paths and metrics in them are those of
// avow, and that a service is given longer to stop than its answers may take. It is a
// module of its own, so that what reads these files is no dependency of avow.
package check
