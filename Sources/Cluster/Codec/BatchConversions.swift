import ClusterModel
import SkeinProto
import Transport

extension Skein_V1_BatchJobs {
    /// Jobs of one batch ask for the same rewards, so that their scores can stand one after the other.
    init(_ jobs: [BatchJob], step: Int, first: Int, frames: inout [Frame]) {
        self.init()
        self.step = UInt64(clamping: step)
        self.first = UInt32(clamping: first)
        counts = jobs.map { UInt32(clamping: $0.trajectories.count) }
        trajectories = Skein_V1_Trajectories(jobs.flatMap(\.trajectories), frames: &frames)
        var all = Scores()
        for job in jobs {
            all.referenceLogProbabilities += job.scores.referenceLogProbabilities
            for (name, values) in job.scores.rewards { all.rewards[name, default: []] += values }
            all.errors += job.scores.errors
        }
        scores = Skein_V1_Scores(all, frames: &frames)
    }

    func jobs(_ frames: inout FrameReader) throws -> [BatchJob] {
        var trajectories = Pieces(try trajectories.values(&frames), "trajectories")
        let all = try scores.values(&frames)
        var references = Pieces(all.referenceLogProbabilities, "reference")
        var rewards = all.rewards.mapValues { Pieces($0, "rewards") }
        let jobs = try counts.map { count in
            var scores = Scores()
            if !all.referenceLogProbabilities.isEmpty { scores.referenceLogProbabilities = try references.take(count) }
            for name in rewards.keys { scores.rewards[name] = try rewards[name]?.take(count) }
            return BatchJob(try trajectories.take(count), scores)
        }
        try trajectories.finish()
        try references.finish()
        for rest in rewards.values { try rest.finish() }
        return jobs
    }
}
