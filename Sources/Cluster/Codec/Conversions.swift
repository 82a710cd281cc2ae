import ClusterModel
import Foundation
import SkeinProto

// Values of ClusterModel to protobuf and back. Every number from outside is checked before it becomes an Int.

func integer(_ value: UInt64, _ what: String) throws -> Int {
    guard value <= UInt64(ArtifactManifest.largestNumber) else {
        throw ClusterError(.malformed, "\(what): \(value) is out of range")
    }
    return Int(value)
}

/// At most so many bytes of a text that somebody else wrote, and no half of a character.
func short(_ text: String, _ bytes: Int = 300) -> String {
    guard text.utf8.count > bytes else { return text }
    var short = String(decoding: text.utf8.prefix(bytes), as: UTF8.self)
    if short.unicodeScalars.last == "\u{FFFD}" { short.unicodeScalars.removeLast() }
    return short
}

/// JSON, in which the status is written, has no word for the others.
func finite(_ value: Double) -> Double { value.isFinite ? value : 0 }

extension JobID {
    var proto: Skein_V1_JobID {
        var proto = Skein_V1_JobID()
        proto.step = UInt64(clamping: step)
        proto.index = UInt64(clamping: index)
        proto.kind = kind.rawValue
        proto.part = UInt32(clamping: part)
        return proto
    }

    init(_ proto: Skein_V1_JobID) throws {
        guard let kind = JobKind(rawValue: proto.kind) else {
            throw ClusterError(.malformed, "job kind \(proto.kind.prefix(40)) is unknown")
        }
        self.init(
            step: try integer(proto.step, "step"), index: try integer(proto.index, "index"), kind: kind,
            part: Int(proto.part))
    }
}

extension PolicyVersion {
    var proto: Skein_V1_PolicyVersion {
        var proto = Skein_V1_PolicyVersion()
        proto.epoch = epoch
        proto.number = UInt64(clamping: number)
        return proto
    }

    init(_ proto: Skein_V1_PolicyVersion) throws {
        self.init(epoch: proto.epoch, number: try integer(proto.number, "policy version"))
    }
}

extension ArtifactManifest {
    var proto: Skein_V1_ArtifactManifest {
        var proto = Skein_V1_ArtifactManifest()
        proto.kind = kind.rawValue
        proto.version = version.proto
        proto.sha256 = sha256
        proto.sources = sources
        proto.files = files.map { file in
            var proto = Skein_V1_ArtifactFile()
            proto.name = file.name
            proto.size = UInt64(clamping: file.size)
            proto.sha256 = file.sha256
            proto.chunkSize = UInt32(clamping: file.chunkSize)
            if let local = file.local { proto.local = local.proto }
            return proto
        }
        return proto
    }

    init(_ proto: Skein_V1_ArtifactManifest) throws {
        guard let kind = ArtifactKind(rawValue: proto.kind) else {
            throw ClusterError(.malformed, "artifact kind \(proto.kind.prefix(40)) is unknown")
        }
        let files = try proto.files.map { file in
            ArtifactFile(
                name: file.name, size: try integer(file.size, "size of \(file.name.prefix(80))"), sha256: file.sha256,
                chunkSize: Int(file.chunkSize), local: file.hasLocal ? LocalFile(file.local) : nil)
        }
        self.init(
            kind: kind, version: try PolicyVersion(proto.version), files: files, sha256: proto.sha256,
            sources: proto.sources)
        if let problem { throw ClusterError(.malformed, problem) }
    }
}

extension LocalFile {
    fileprivate var proto: Skein_V1_LocalFile {
        var proto = Skein_V1_LocalFile()
        proto.host = host
        proto.path = path
        proto.device = device
        proto.inode = inode
        proto.modifiedNs = modified
        return proto
    }

    fileprivate init(_ proto: Skein_V1_LocalFile) {
        self.init(
            host: short(proto.host, 100), path: short(proto.path, 4096), device: proto.device, inode: proto.inode,
            modified: proto.modifiedNs)
    }
}

extension Capabilities {
    var proto: Skein_V1_Capabilities {
        var proto = Skein_V1_Capabilities()
        proto.kinds = kinds.map(\.rawValue).sorted()
        proto.reference = reference
        proto.rewards = rewards.sorted()
        return proto
    }

    init(_ proto: Skein_V1_Capabilities) {
        // Kinds that a newer worker knows and this coordinator does not are simply not asked for.
        self.init(
            kinds: Set(proto.kinds.compactMap(JobKind.init(rawValue:))), reference: proto.reference,
            rewards: Set(proto.rewards.prefix(1000).map { short($0, 100) }))
    }
}

extension Hello {
    var proto: Skein_V1_Hello {
        var proto = Skein_V1_Hello()
        proto.role = role.rawValue
        proto.name = name
        proto.incarnation = incarnation
        proto.protocolMin = UInt32(clamping: protocolMin)
        proto.protocolMax = UInt32(clamping: protocolMax)
        proto.build = build
        proto.capabilities = capabilities.proto
        proto.heldJobs = heldJobs.map { held in
            var proto = Skein_V1_HeldJob()
            proto.job = held.job.proto
            proto.attempt = UInt32(clamping: held.attempt)
            proto.finished = held.finished
            return proto
        }
        proto.host = host
        proto.pid = UInt32(clamping: pid)
        proto.threads = UInt32(clamping: threads)
        proto.takesAcknowledgements = takesAcknowledgements
        return proto
    }

    init(_ proto: Skein_V1_Hello) throws {
        guard let role = Role(rawValue: proto.role) else {
            throw ClusterError(.malformed, "role \(proto.role.prefix(40)) is unknown")
        }
        guard WorkerName.isValid(proto.name) else {
            throw ClusterError(.malformed, "a worker's name has \(WorkerName.rule)")
        }
        self.init(
            role: role, name: proto.name, incarnation: proto.incarnation, protocolMin: Int(proto.protocolMin),
            protocolMax: Int(proto.protocolMax), build: short(proto.build, 100),
            capabilities: Capabilities(proto.capabilities),
            heldJobs: try proto.heldJobs.map {
                HeldJob(job: try JobID($0.job), attempt: Int($0.attempt), finished: $0.finished)
            }, host: short(proto.host, 255), pid: Int(proto.pid), threads: Int(proto.threads),
            takesAcknowledgements: proto.takesAcknowledgements)
    }
}

extension Acknowledgement {
    var proto: Skein_V1_ResultAck {
        var proto = Skein_V1_ResultAck()
        proto.job = job.proto
        proto.attempt = UInt32(clamping: attempt)
        proto.status = status.rawValue
        return proto
    }

    init(_ proto: Skein_V1_ResultAck) throws {
        guard let status = AckStatus(rawValue: proto.status) else {
            throw ClusterError(.malformed, "status \(proto.status.prefix(40)) is unknown")
        }
        self.init(try JobID(proto.job), attempt: Int(proto.attempt), status)
    }
}
