package import Foundation

/// Counts and times of a run, from which rates, the remaining time and a step's own figures follow.
package struct RunFigures: Sendable {
    private struct Mark: Sendable {
        var time: Int64
        var tokens: Int
        var trajectories: Int
    }

    private struct Generation: Sendable {
        var started: Int64?
        var ended: Int64?
        var tokens = 0
    }

    private static let commitsKept = 100
    private static let commitsAveraged = 10
    /// Milliseconds over which tokens a second are averaged.
    private static let window: Int64 = 30_000

    private(set) var tokens = 0
    private(set) var lastCommit: Int64?
    private var begun: Int64?
    /// Of the last committed step.
    private(set) var metrics: [String: Double] = [:]
    private var trajectories = 0
    private var commits: [Int64] = []
    private var marks: [Mark] = []
    private var generations: [Int: Generation] = [:]

    mutating func begin(at time: Int64) { begun = time }

    mutating func generationStarted(_ step: Int, at time: Int64) {
        if generations[step]?.started == nil { generations[step, default: Generation()].started = time }
    }

    mutating func generated(_ items: [Trajectory], of step: Int, at time: Int64) {
        let count = items.reduce(0) { $0 + $1.responseTokens.count }
        tokens += count
        trajectories += items.count
        generations[step, default: Generation()].tokens += count
        generations[step, default: Generation()].ended = time
    }

    /// The figures of a committed step: the learner's, and the coordinator's own.
    ///
    /// - Parameter report: JSON of the learner, with the figures in it or under `metrics`.
    mutating func committed(_ step: Int, report: Data, staleness: Int, at time: Int64) -> [String: Double] {
        var figures = Self.numbers(report)
        if let generation = generations.removeValue(forKey: step), let from = generation.started,
            let to = generation.ended, to > from
        {
            let seconds = Double(to - from) / 1000
            figures["timing_s/gen"] = seconds
            figures["perf/gen_tokens_per_s"] = Double(generation.tokens) / seconds
        }
        // The first step of a process began with it.
        if let last = lastCommit ?? begun { figures["timing_s/total"] = Double(time - last) / 1000 }
        figures["rollout/staleness"] = Double(staleness)
        lastCommit = time
        commits = (commits + [time]).suffix(Self.commitsKept)
        metrics = figures
        return figures
    }

    /// The numbers of a report of the learner, or of a line of metrics.jsonl.
    package static func numbers(_ report: Data) -> [String: Double] {
        guard let object = try? JSONSerialization.jsonObject(with: report) as? [String: Any] else { return [:] }
        let figures = object["metrics"] as? [String: Any] ?? object
        return figures.compactMapValues { ($0 as? NSNumber)?.doubleValue }
    }

    /// Milliseconds between two commits of late.
    var usualStep: Int64? {
        let recent = commits.suffix(Self.commitsAveraged)
        guard recent.count > 1, let first = recent.first, let last = recent.last else { return nil }
        return (last - first) / Int64(recent.count - 1)
    }

    mutating func rates(at time: Int64) -> ClusterSnapshot.Rates {
        var rates = ClusterSnapshot.Rates()
        marks.append(Mark(time: time, tokens: tokens, trajectories: trajectories))
        marks.removeAll { time - $0.time > Self.window }
        if let first = marks.first, time > first.time {
            let seconds = Double(time - first.time) / 1000
            rates.tokensPerS = Double(tokens - first.tokens) / seconds
            rates.trajectoriesPerS = Double(trajectories - first.trajectories) / seconds
        }
        let recent = commits.suffix(Self.commitsAveraged)
        if recent.count > 1, let first = recent.first, let last = recent.last, last > first {
            rates.stepsPerMin = Double(recent.count - 1) / Double(last - first) * 60_000
        }
        return rates
    }
}
