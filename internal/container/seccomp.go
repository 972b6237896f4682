package container

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	libseccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// compileFilter translates moby's allow list, as it applies to a container with the capabilities keep, with rules of our
// own for sockets and RLIMIT_CORE, into a classic BPF program: struct sock_filter, 8 bytes each, little endian.
//
// What is not listed gives EPERM; clone3 gives ENOSYS so that libc falls back to clone, whose flags can be examined;
// other architectures' numbers (i386) give EPERM and x32's ENOSYS.
func compileFilter(keep []string) ([]byte, error) {
	spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: keep}}}
	profile, err := seccomp.GetDefaultProfile(spec)
	if err != nil {
		return nil, fmt.Errorf("read seccomp profile: %w", err)
	}
	native, err := arch.GetInfo("")
	if err != nil {
		return nil, fmt.Errorf("look up architecture: %w", err)
	}
	groups, err := translate(profile, native)
	if err != nil {
		return nil, err
	}
	instructions, err := chain(slices.Concat(sockets(), coreLimit(), groups))
	if err != nil {
		return nil, err
	}
	raw, err := bpf.Assemble(instructions)
	if err != nil {
		return nil, fmt.Errorf("encode seccomp program: %w", err)
	}
	program := make([]byte, 0, 8*len(raw))
	for _, in := range raw {
		program = binary.LittleEndian.AppendUint16(program, in.Op)
		program = append(program, in.Jt, in.Jf)
		program = binary.LittleEndian.AppendUint32(program, in.K)
	}
	return program, nil
}

// chain assembles one program a group and lets each fall through to the next, which loads the call's number anew. In one
// program of the library's the argument last looked at would be taken for the number once a condition has failed, so that
// socket(AF_VSOCK) passes as sendfile.
func chain(groups []libseccomp.SyscallGroup) ([]bpf.Instruction, error) {
	var out []bpf.Instruction
	for i, group := range groups {
		policy := libseccomp.Policy{DefaultAction: libseccomp.ActionErrno, Syscalls: []libseccomp.SyscallGroup{group}}
		program, err := policy.Assemble()
		if err != nil {
			return nil, fmt.Errorf("assemble seccomp program: %w", err)
		}
		if i < len(groups)-1 {
			program = program[:len(program)-1] // the default action: whatever jumps to it goes on with the next program
		}
		out = append(out, program...)
	}
	for i, in := range out {
		if in == (bpf.RetConstant{Val: uint32(pretend)}) {
			out[i] = bpf.RetConstant{Val: pretence}
		}
	}
	return out, nil
}

// translate turns the profile's rules into the library's groups: refusals before allowances, names that this
// architecture does not have or that we have rules of our own for left out, each name once, each name with conditions in a
// group of its own.
func translate(profile *specs.LinuxSeccomp, native *arch.Info) ([]libseccomp.SyscallGroup, error) {
	plain := libseccomp.SyscallGroup{Action: libseccomp.ActionAllow}
	conditional := map[string][]libseccomp.NameWithConditions{}
	var refusals []libseccomp.SyscallGroup
	for _, rule := range profile.Syscalls {
		names := slices.DeleteFunc(slices.Clone(rule.Names), func(name string) bool {
			_, known := native.SyscallNames[name]
			return !known || slices.Contains(ownRules(), name)
		})
		switch {
		case rule.Action == specs.ActErrno && len(rule.Args) == 0:
			errno := uint(unix.EPERM)
			if rule.ErrnoRet != nil {
				errno = *rule.ErrnoRet
			}
			refusals = append(refusals, libseccomp.SyscallGroup{
				Names: names, Action: libseccomp.ActionErrno | libseccomp.Action(errno),
			})
		case rule.Action == specs.ActAllow && len(rule.Args) == 0:
			plain.Names = append(plain.Names, names...)
		case rule.Action == specs.ActAllow:
			conditions, err := conditionsOf(rule.Args)
			if err != nil {
				return nil, fmt.Errorf("seccomp rule of %v: %w", rule.Names, err)
			}
			for _, name := range names {
				conditional[name] = append(conditional[name], libseccomp.NameWithConditions{Name: name, Conditions: conditions})
			}
		default:
			return nil, fmt.Errorf("seccomp rule of %v: action %s is not known here", rule.Names, rule.Action)
		}
	}
	slices.Sort(plain.Names)
	plain.Names = slices.Compact(plain.Names)
	groups := refusals
	for _, name := range slices.Sorted(maps.Keys(conditional)) {
		groups = append(groups, libseccomp.SyscallGroup{Action: libseccomp.ActionAllow, NamesWithCondtions: conditional[name]})
	}
	return append(groups, plain), nil
}

func conditionsOf(args []specs.LinuxSeccompArg) (libseccomp.ArgumentConditions, error) {
	var out libseccomp.ArgumentConditions
	for _, a := range args {
		c := libseccomp.Condition{Argument: uint32(a.Index), Value: a.Value}
		switch {
		case a.Op == specs.OpEqualTo:
			c.Operation = libseccomp.Equal
		case a.Op == specs.OpLessThan:
			c.Operation = libseccomp.LessThan
		case a.Op == specs.OpMaskedEqual && a.ValueTwo == 0:
			c.Operation = libseccomp.BitsNotSet
		default:
			return nil, fmt.Errorf("operation %s is not known here", a.Op)
		}
		out = append(out, c)
	}
	return out, nil
}
