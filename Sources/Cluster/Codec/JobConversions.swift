import ClusterModel
import Foundation
import SkeinProto
import Transport

extension Skein_V1_Trajectories {
    /// The protobuf half of trajectories; the other half are the frames that are appended.
    init(_ items: [Trajectory], frames: inout [Frame]) {
        self.init()
        var tokens: [Int32] = []
        var mask: [UInt8] = []
        var logProbabilities: [Float] = []
        var versions: [UInt32] = []
        self.items = items.map { item in
            tokens += item.promptTokens
            tokens += item.responseTokens
            mask += item.mask
            logProbabilities += item.logProbabilities
            versions += item.versions
            var proto = Skein_V1_Trajectory()
            proto.row = UInt64(clamping: item.row)
            proto.occurrence = UInt32(clamping: item.occurrence)
            proto.sample = UInt32(clamping: item.sample)
            proto.promptCount = UInt32(clamping: item.promptTokens.count)
            proto.responseCount = UInt32(clamping: item.responseTokens.count)
            proto.finish = item.finish.rawValue
            proto.promptText = item.promptText
            proto.responseText = item.responseText
            return proto
        }
        frames.append(.bytes(BulkFrames.bytes(tokens)))
        frames.append(.bytes(mask))
        frames.append(.bytes(BulkFrames.bytes(logProbabilities)))
        frames.append(.bytes(BulkFrames.bytes(versions)))
    }

    func values(_ frames: inout FrameReader) throws -> [Trajectory] {
        var tokens = Pieces(try frames.int32s("tokens"), "tokens")
        var mask = Pieces(try frames.next("mask"), "mask")
        var logProbabilities = Pieces(try frames.floats("log-probabilities"), "log-probabilities")
        var versions = Pieces(try frames.uint32s("versions"), "versions")
        let values = try items.map { item in
            guard let finish = FinishReason(rawValue: item.finish) else {
                throw ClusterError(.malformed, "finish \(item.finish.prefix(40)) is unknown")
            }
            return Trajectory(
                row: try integer(item.row, "row"), occurrence: Int(item.occurrence), sample: Int(item.sample),
                promptTokens: try tokens.take(item.promptCount), responseTokens: try tokens.take(item.responseCount),
                mask: try mask.take(item.responseCount),
                logProbabilities: try logProbabilities.take(item.responseCount),
                versions: try versions.take(item.responseCount), finish: finish, promptText: item.promptText,
                responseText: item.responseText)
        }
        try tokens.finish()
        try mask.finish()
        try logProbabilities.finish()
        try versions.finish()
        return values
    }
}

extension Skein_V1_Scores {
    init(_ scores: Scores, frames: inout [Frame]) {
        self.init()
        errors = scores.errors
        rewards = scores.rewards.keys.sorted().map { name in
            var proto = Skein_V1_Reward()
            proto.name = name
            let values = scores.rewards[name] ?? []
            proto.values = values.map { $0 ?? 0 }
            proto.failed = values.indices.filter { values[$0] == nil }.map { UInt32(clamping: $0) }
            return proto
        }
        guard !scores.referenceLogProbabilities.isEmpty else { return }
        referenceCounts = scores.referenceLogProbabilities.map { UInt32(clamping: $0.count) }
        frames.append(.bytes(BulkFrames.bytes(scores.referenceLogProbabilities.flatMap { $0 })))
    }

    func values(_ frames: inout FrameReader) throws -> Scores {
        var reference: [[Float]] = []
        if !referenceCounts.isEmpty {
            var pieces = Pieces(try frames.floats("reference"), "reference")
            reference = try referenceCounts.map { try pieces.take($0) }
            try pieces.finish()
        }
        var values: [String: [Float?]] = [:]
        for reward in rewards {
            var row = reward.values.map { Optional($0) }
            for index in reward.failed {
                guard index < row.count else { throw ClusterError(.malformed, "a failed index is out of range") }
                row[Int(index)] = nil
            }
            values[reward.name] = row
        }
        return Scores(referenceLogProbabilities: reference, rewards: values, errors: errors)
    }
}

extension Skein_V1_Lease {
    init(_ grant: Grant, frames: inout [Frame]) {
        self.init()
        job = grant.job.id.proto
        attempt = UInt32(clamping: grant.attempt)
        leaseMs = UInt32(clamping: grant.leaseMilliseconds)
        switch grant.job {
        case .generate(let job):
            var proto = Skein_V1_Generate()
            proto.version = job.version.proto
            proto.seed = job.seed
            proto.samplesPerPrompt = UInt32(clamping: job.samples.count)
            proto.firstSample = UInt32(clamping: job.samples.lowerBound)
            proto.sampling.temperature = job.sampling.temperature
            proto.sampling.topK = UInt32(clamping: job.sampling.topK)
            proto.sampling.topP = job.sampling.topP
            proto.sampling.maxNewTokens = UInt32(clamping: job.sampling.maxNewTokens)
            proto.sampling.stop = job.sampling.stop
            proto.prompts = job.prompts.map { prompt in
                var proto = Skein_V1_Prompt()
                proto.row = UInt64(clamping: prompt.row)
                proto.occurrence = UInt32(clamping: prompt.occurrence)
                proto.text = prompt.text
                proto.tokenCount = UInt32(clamping: prompt.tokens.count)
                return proto
            }
            frames.append(.bytes(BulkFrames.bytes(job.prompts.flatMap(\.tokens))))
            generate = proto
        case .score(let job):
            var proto = Skein_V1_Score()
            proto.reference = job.reference
            proto.rewards = job.rewards
            proto.temperature = job.temperature
            proto.trajectories = Skein_V1_Trajectories(job.trajectories, frames: &frames)
            proto.rows = job.rows.sorted { $0.key < $1.key }.map { row, data in
                var proto = Skein_V1_RowData()
                proto.row = UInt64(clamping: row)
                proto.extra = data.extra
                proto.conversation = data.conversation
                return proto
            }
            score = proto
        }
    }

    func grant(_ frames: inout FrameReader) throws -> Grant {
        Grant(try value(&frames), attempt: Int(attempt), leaseMilliseconds: Int(leaseMs))
    }

    private func value(_ frames: inout FrameReader) throws -> Job {
        let id = try JobID(job)
        switch work {
        case .generate(let proto):
            var tokens = Pieces(try frames.int32s("prompts"), "prompts")
            let prompts = try proto.prompts.map {
                Prompt(
                    row: try integer($0.row, "row"), occurrence: Int($0.occurrence), text: $0.text,
                    tokens: try tokens.take($0.tokenCount))
            }
            try tokens.finish()
            let first = Int(proto.firstSample)
            return .generate(
                GenerateJob(
                    id: id, version: try PolicyVersion(proto.version), seed: proto.seed,
                    samples: first..<first + Int(proto.samplesPerPrompt),
                    sampling: SamplingParameters(
                        temperature: proto.sampling.temperature, topK: Int(proto.sampling.topK),
                        topP: proto.sampling.topP, maxNewTokens: Int(proto.sampling.maxNewTokens),
                        stop: proto.sampling.stop), prompts: prompts))
        case .score(let proto):
            var rows: [Int: RowData] = [:]
            for data in proto.rows {
                rows[try integer(data.row, "row")] = RowData(extra: data.extra, conversation: data.conversation)
            }
            return .score(
                ScoreJob(
                    id: id, reference: proto.reference, rewards: proto.rewards, temperature: proto.temperature,
                    trajectories: try proto.trajectories.values(&frames), rows: rows))
        case nil: throw ClusterError(.malformed, "a lease without work")
        }
    }
}

extension Skein_V1_Result {
    init(_ job: JobID, attempt: Int, _ outcome: JobOutcome, frames: inout [Frame]) {
        self.init()
        self.job = job.proto
        self.attempt = UInt32(clamping: attempt)
        switch outcome {
        case .trajectories(let items): trajectories = Skein_V1_Trajectories(items, frames: &frames)
        case .scores(let value): scores = Skein_V1_Scores(value, frames: &frames)
        case .failed(let code, let message, let retryable):
            failure.code = code
            failure.message = message
            failure.retryable = retryable
        }
    }

    func value(_ frames: inout FrameReader) throws -> JobOutcome {
        switch outcome {
        case .trajectories(let proto): .trajectories(try proto.values(&frames))
        case .scores(let proto): .scores(try proto.values(&frames))
        case .failure(let proto):
            .failed(code: proto.code, message: String(proto.message.prefix(2000)), retryable: proto.retryable)
        case nil: throw ClusterError(.malformed, "a result without outcome")
        }
    }
}
