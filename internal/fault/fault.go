// Package fault names the steps of every change that logisd makes to the host, so that a test can end one in an error, or
// kill logisd, at each of them. It is a leaf without policy; in what ships it does nothing.
//
// A daemon built with the tag `fault` reads two variables of its environment. LOGIS_FAULT names a file that may hold
// lines "STEP=error" or "STEP=kill": logisd acts on one each time it reaches the step. LOGIS_FAULT_LOG names a file to which every
// step that is reached is appended; with it, "STEP#2=kill" means the second time that the file speaks of the step.
package fault
