import ClusterModel
import Foundation
import SkeinProto
import SwiftProtobuf
package import Transport

/// Envelopes to frames and back.
package enum Codec {
    private static let options: BinaryDecodingOptions = {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 8
        options.discardUnknownFields = true
        return options
    }()

    package static func encode(_ envelope: Envelope) throws -> [Frame] {
        var proto = Proto()
        proto.protocol = UInt32(clamping: envelope.protocolVersion)
        proto.id = envelope.id
        proto.inReplyTo = envelope.inReplyTo
        proto.epoch = envelope.epoch
        var frames: [Frame] = []
        proto.body = body(of: envelope.message, &frames)
        var bytes: [UInt8]
        do {
            bytes = try proto.serializedBytes()
        } catch {
            throw ClusterError(.malformed, "a message cannot be encoded: \(error)")
        }
        Checksum.seal(&bytes, frames)
        frames.insert(.bytes(bytes), at: 0)
        let size = frames.reduce(0) { $0 + $1.count }
        guard size <= MessageLimits.bytes else {
            throw ClusterError(
                .malformed,
                "a message of \(size) bytes is over the limit of 1 MiB; lower rollout.prompts_per_job, samples_per_job or max_new_tokens"
            )
        }
        return frames
    }

    /// - Parameter mayLackChecksum: of a file that an earlier version may have written.
    package static func decode(_ frames: ArraySlice<[UInt8]>, mayLackChecksum: Bool = false) throws -> Envelope {
        guard let first = frames.first else { throw ClusterError(.malformed, "an empty message") }
        let verdict = Checksum.check(frames)
        guard verdict != .wrong else { throw ClusterError(.damaged, "a message arrived damaged") }
        let proto: Proto
        do {
            proto = try Proto(serializedBytes: first, options: options)
        } catch {
            throw ClusterError(.malformed, "the first frame is no envelope")
        }
        var reader = FrameReader(frames.dropFirst())
        guard let body = proto.body else { throw ClusterError(.malformed, "an envelope without a known body") }
        let message = try message(of: body, &reader)
        try reader.finish()
        guard verdict == .right || mayLackChecksum || message.isOfEarlierProtocol else {
            throw ClusterError(.malformed, "a message without a checksum")
        }
        return Envelope(
            protocolVersion: Int(proto.protocol), id: proto.id, inReplyTo: proto.inReplyTo, epoch: proto.epoch, message)
    }

    private static func make<T: SwiftProtobuf.Message>(_ fill: (inout T) -> Void) -> T {
        var value = T()
        fill(&value)
        return value
    }

    private static func body(of message: ClusterModel.Message, _ frames: inout [Frame]) -> Proto.OneOf_Body {
        switch message {
        case .hello(let hello): return .hello(hello.proto)
        case .credit(let slots): return .credit(make { $0.slots = UInt32(clamping: slots) })
        case .renewal(let jobs):
            return .renewal(
                make {
                    $0.jobs = jobs.map { job in
                        make {
                            $0.job = job.job.proto
                            $0.attempt = UInt32(clamping: job.attempt)
                            $0.tokens = UInt64(clamping: job.tokens)
                        }
                    }
                })
        case .result(let job, let attempt, let outcome):
            return .result(Skein_V1_Result(job, attempt: attempt, outcome, frames: &frames))
        case .loaded(let kind, let version):
            return .loaded(
                make {
                    $0.kind = kind.rawValue
                    $0.version = version.proto
                })
        case .bye(let reason): return .bye(make { $0.reason = reason })
        case .report(let report):
            return .report(
                make {
                    $0.state = report.state
                    $0.tokensPerSecond = report.tokensPerSecond
                    $0.residentBytes = report.residentBytes
                    if let version = report.version { $0.version = version.proto }
                    $0.fraction = report.fraction
                })
        case .alarm(let code, let detail):
            return .alarm(
                make {
                    $0.code = code
                    $0.detail = detail
                })
        case .welcome(let welcome): return .welcome(Skein_V1_Welcome(welcome))
        case .refused(let code, let text):
            return .refused(
                make {
                    $0.code = code
                    $0.message = text
                })
        case .lease(let grants, let acknowledged):
            var all = grants.map { Skein_V1_Lease($0, frames: &frames) }
            var first = all.isEmpty ? Skein_V1_Lease() : all.removeFirst()
            first.more = all
            first.acknowledged = acknowledged.map(\.proto)
            return .lease(first)
        case .cancel(let job, let attempt, let reason):
            return .cancel(
                make {
                    $0.job = job.proto
                    $0.attempt = UInt32(clamping: attempt)
                    $0.reason = reason
                })
        case .resultAck(let acks):
            var all = acks.map(\.proto)
            var first = all.isEmpty ? Skein_V1_ResultAck() : all.removeFirst()
            first.more = all
            return .resultAck(first)
        case .drain: return .drain(Skein_V1_Drain())
        case .artifact(let manifest): return .artifact(manifest.proto)
        case .stop(let reason, let code):
            return .stop(
                make {
                    $0.reason = reason
                    $0.exitCode = UInt32(clamping: code)
                })
        case .pause(let paused): return .pause(make { $0.paused = paused })
        case .peers(let peers):
            return .peers(
                make {
                    $0.peers = peers.map { peer in
                        make {
                            $0.role = peer.role
                            $0.name = peer.name
                            $0.key = peer.key
                        }
                    }
                })
        case .publish(let manifests, let checkpoint):
            return .publish(
                make {
                    $0.manifests = manifests.map(\.proto)
                    if let checkpoint { $0.checkpoint = UInt64(clamping: checkpoint) }
                })
        case .publishAck(let committed): return .publishAck(make { $0.committed = UInt64(clamping: committed) })
        case .batchRequest(let step): return .batchRequest(make { $0.step = UInt64(clamping: step) })
        case .batchReady(let step, let jobs):
            return .batchReady(
                make {
                    $0.step = UInt64(clamping: step)
                    $0.jobs = UInt32(clamping: jobs)
                })
        case .fetchJobs(let step, let first):
            return .fetchJobs(
                make {
                    $0.step = UInt64(clamping: step)
                    $0.first = UInt32(clamping: first)
                })
        case .batchJobs(let step, let first, let jobs):
            return .batchJobs(Skein_V1_BatchJobs(jobs, step: step, first: first, frames: &frames))
        case .commit(let step, let metrics, let manifest, let checkpoint):
            return .commit(
                make {
                    $0.step = UInt64(clamping: step)
                    $0.metrics = metrics
                    $0.manifest = manifest.proto
                    if let checkpoint { $0.checkpoint = UInt64(clamping: checkpoint) }
                })
        case .commitAck(let step): return .commitAck(make { $0.step = UInt64(clamping: step) })
        case .chunkRequest(let place):
            return .chunkRequest(
                make {
                    $0.sha256 = place.file
                    $0.index = UInt64(clamping: place.index)
                    $0.list = place.isList
                })
        case .chunk(let place, let bytes):
            let shared = (bytes as? SharedChunk)?.bytes
            if let shared { frames.append(.shared(shared)) }
            return .chunk(
                make {
                    $0.sha256 = place.file
                    $0.index = UInt64(clamping: place.index)
                    $0.list = place.isList
                    $0.missing = shared == nil
                })
        }
    }

    private static func message(of body: Proto.OneOf_Body, _ frames: inout FrameReader) throws -> ClusterModel.Message {
        switch body {
        case .hello(let proto): return .hello(try Hello(proto))
        case .credit(let proto): return .credit(slots: Int(min(proto.slots, 1 << 16)))
        case .renewal(let proto):
            return .renewal(
                try proto.jobs.map {
                    RenewedJob(
                        job: try JobID($0.job), attempt: Int($0.attempt), tokens: try integer($0.tokens, "tokens"))
                })
        case .result(let proto):
            return .result(try JobID(proto.job), attempt: Int(proto.attempt), try proto.value(&frames))
        case .loaded(let proto):
            guard let kind = ArtifactKind(rawValue: proto.kind) else {
                throw ClusterError(.malformed, "artifact kind \(proto.kind.prefix(40)) is unknown")
            }
            return .loaded(kind, try PolicyVersion(proto.version))
        case .bye(let proto): return .bye(reason: short(proto.reason))
        case .report(let proto):
            return .report(
                WorkerReport(
                    state: short(proto.state, 40), tokensPerSecond: finite(proto.tokensPerSecond),
                    residentBytes: proto.residentBytes,
                    version: proto.hasVersion ? try PolicyVersion(proto.version) : nil,
                    fraction: finite(proto.fraction)))
        case .alarm(let proto): return .alarm(code: short(proto.code, 40), detail: short(proto.detail, 1000))
        case .welcome(let proto): return .welcome(try proto.value())
        case .refused(let proto): return .refused(code: proto.code, message: proto.message)
        case .lease(let proto):
            return .lease(
                [try proto.grant(&frames)] + (try proto.more.map { try $0.grant(&frames) }),
                acknowledged: try proto.acknowledged.map { try Acknowledgement($0) })
        case .cancel(let proto):
            return .cancel(try JobID(proto.job), attempt: Int(proto.attempt), reason: proto.reason)
        case .resultAck(let proto):
            return .resultAck([try Acknowledgement(proto)] + (try proto.more.map { try Acknowledgement($0) }))
        case .drain: return .drain
        case .artifact(let proto): return .artifact(try ArtifactManifest(proto))
        case .stop(let proto): return .stop(reason: proto.reason, exitCode: Int(min(proto.exitCode, 255)))
        case .pause(let proto): return .pause(proto.paused)
        case .peers(let proto):
            return .peers(proto.peers.map { PeerKey(role: $0.role, name: $0.name, key: $0.key) })
        case .publish(let proto):
            return .publish(
                try proto.manifests.map { try ArtifactManifest($0) },
                checkpoint: proto.hasCheckpoint ? try integer(proto.checkpoint, "checkpoint") : nil)
        case .publishAck(let proto): return .publishAck(committed: try integer(proto.committed, "committed"))
        case .batchRequest(let proto): return .batchRequest(step: try integer(proto.step, "step"))
        case .batchReady(let proto):
            return .batchReady(step: try integer(proto.step, "step"), jobs: Int(proto.jobs))
        case .fetchJobs(let proto): return .fetchJobs(step: try integer(proto.step, "step"), first: Int(proto.first))
        case .batchJobs(let proto):
            return .batchJobs(
                step: try integer(proto.step, "step"), first: Int(proto.first), try proto.jobs(&frames))
        case .commit(let proto):
            return .commit(
                step: try integer(proto.step, "step"), metrics: proto.metrics, try ArtifactManifest(proto.manifest),
                checkpoint: proto.hasCheckpoint ? try integer(proto.checkpoint, "checkpoint") : nil)
        case .commitAck(let proto): return .commitAck(step: try integer(proto.step, "step"))
        case .chunkRequest(let proto):
            return .chunkRequest(
                ChunkPlace(file: proto.sha256, isList: proto.list, index: try integer(proto.index, "chunk")))
        case .chunk(let proto):
            let bytes = proto.missing ? nil : SharedChunk(Data(try frames.next("chunk")))
            return .chunk(
                ChunkPlace(file: proto.sha256, isList: proto.list, index: try integer(proto.index, "chunk")),
                bytes: bytes)
        }
    }
}

extension ClusterModel.Message {
    /// What must be understood from a peer that knows no checksums, so that both sides can say that they do not fit.
    fileprivate var isOfEarlierProtocol: Bool {
        switch self {
        case .hello(let hello): hello.protocolMax < Wire.firstWithChecksums
        case .refused: true
        default: false
        }
    }
}
