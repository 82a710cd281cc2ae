import HostChecks
import Testing

@Suite struct HostChecksTests {
    private static let table = """
        22 28 0:20 / /proc rw,nosuid - proc proc rw
        28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
        40 28 0:35 / /home rw shared:20 master:2 - nfs4 server:/home rw
        41 40 0:36 / /home/my\\040runs rw - lustre a:/b rw
        42 28 0:37 / /scratch rw - xfs /dev/sdb rw
        43 28 0:38 / /scratch rw - beegfs beegfs_nodev rw
        broken line
        """

    @Test(arguments: [
        ("/", "ext4"), ("/var/lib", "ext4"), ("/home", "nfs4"), ("/home/anna", "nfs4"), ("/homestead", "ext4"),
        ("/home/my runs/a", "lustre"), ("/scratch/x", "beegfs"),
    ])
    func theMountThatCountsIsFound(_ path: String, _ kind: String) {
        #expect(MountTable(Self.table).kind(of: path) == kind)
    }

    @Test func networkFileSystemsAreKnown() {
        for kind in ["nfs", "nfs4", "lustre", "fuse.sshfs", "cifs", "beegfs", "gpfs"] {
            #expect(MountTable.isNetwork(kind))
        }
        for kind in ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs"] { #expect(!MountTable.isNetwork(kind)) }
        #expect(MountTable("").kind(of: "/") == nil)
    }

    @Test func theSmallestLimitOfAllGroupsCounts() {
        #expect(HostLimits.groups("0::/a/b\n") == ["/a/b", "/a", "/"])
        #expect(HostLimits.groups("0::/\n") == ["/"])
        #expect(HostLimits.groups("4:cpu:/x\n") == [])
        let old = "5:cpu,cpuacct:/x/y\n4:memory:/m\n1:name=systemd:/\n"
        #expect(HostLimits.groups(old, controller: "cpu") == ["/x/y", "/x", "/"])
        #expect(HostLimits.groups(old, controller: "memory") == ["/m", "/"])
        #expect(HostLimits.groups(old, controller: "cpuset") == [] && HostLimits.groups(old) == [])
        #expect(HostLimits.processors("-1 100000") == nil && HostLimits.processors("150000 100000") == 1.5)
        let limits = HostLimits(
            affinity: 8, total: 64e9,
            groups: [("max 100000\n", "max\n"), ("250000 100000\n", "17179869184\n"), ("", "")])
        #expect(limits == HostLimits(processors: 2.5, memory: 17_179_869_184, isLimited: true))
        #expect(
            HostLimits(affinity: 8, total: 64e9, groups: [])
                == HostLimits(processors: 8, memory: 64e9, isLimited: false))
    }

    @Test func memoryAndProcessorsAreComparedWithWhatIsHere() {
        let limits = HostLimits(processors: 4, memory: 16e9, isLimited: true)
        #expect(Judgements.memory("1 learner", needed: 20e9, limits).level == .problem)
        #expect(Judgements.memory("1 learner", needed: 14e9, limits).level == .warning)
        let fits = Judgements.memory("2 generators", needed: 4.2e9, limits)
        #expect(fits.level == .ok && fits.advice == nil)
        #expect(fits.says == "2 generators need about 4.2 GB; this host has 16 GB (its cgroup's limit counts)")
        #expect(Judgements.processors(threads: 4, limits).level == .ok)
        #expect(Judgements.processors(threads: 5, limits).level == .warning)
    }

    @Test func portsOfTheEphemeralRangeAreWarnedOf() throws {
        let ports = try #require(EphemeralPorts("32768\t60999\n"))
        #expect(Judgements.port(5555, "coordinator.bind", ports).level == .ok)
        let found = Judgements.port(40_000, "coordinator.bind", ports)
        #expect(found.level == .warning && found.advice?.contains("below 32768") == true)
        #expect(EphemeralPorts("60999 32768") == nil && EphemeralPorts("") == nil)
    }

    @Test func aClockIsWrongOnlyBeyondWhatTheQuestionTook() {
        #expect(Judgements.clock(offset: 0.01, roundTrip: 0.002).level == .ok)
        #expect(Judgements.clock(offset: -4, roundTrip: 3).level == .ok)
        let ahead = Judgements.clock(offset: -90, roundTrip: 1)
        #expect(ahead.level == .warning && ahead.says == "90.0 s ahead of the coordinator's")
        #expect(Judgements.clock(offset: 90, roundTrip: 1).says.contains("behind"))
    }

    @Test func diskIsComparedWithWhatARunWrites() {
        #expect(Judgements.disk(path: "/r", kind: "ext4", free: 50e9, needed: 10e9).map(\.level) == [.ok])
        #expect(Judgements.disk(path: "/r", kind: "ext4", free: 5e9, needed: 10e9).map(\.level) == [.problem])
        #expect(Judgements.disk(path: "/r", kind: nil, free: 5e8, needed: nil).map(\.level) == [.warning])
        #expect(Judgements.disk(path: "/r", kind: "nfs4", free: 50e9, needed: nil).map(\.level) == [.ok, .note])
        #expect(Judgements.disk(path: "/r", kind: "tmpfs", free: 50e9, needed: nil).map(\.level) == [.ok, .warning])
    }

    @Test func everyFindingThatIsNotFineSaysWhatToDo() throws {
        let limits = HostLimits(processors: 1, memory: 1e9, isLimited: false)
        let ports = try #require(EphemeralPorts("32768 60999"))
        let findings =
            [
                Judgements.memory("x", needed: 2e9, limits), Judgements.memory("x", needed: 0.9e9, limits),
                Judgements.processors(threads: 2, limits), Judgements.sharedMemory(size: nil),
                Judgements.sharedMemory(size: 1e6), Judgements.port(40_000, "p", ports),
                Judgements.clock(offset: 60, roundTrip: 0), Judgements.leftovers(["12 skein run"]),
            ] + Judgements.disk(path: "/r", kind: "tmpfs", free: 1, needed: 2)
        #expect(findings.allSatisfy { $0.level != .ok && $0.advice?.isEmpty == false })
        #expect(findings[0].lines.contains("\n") && findings[0].lines.hasPrefix("problem memory"))
        #expect(Judgements.leftovers([]).level == .ok && Judgements.sharedMemory(size: 64e6).level == .ok)
    }
}
