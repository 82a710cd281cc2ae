import Foundation
import GRDB
import RunLayout

/// What the journal of a finished run says, checked against what must hold.
struct History {
    struct Event { var at: Int64; var kind: String; var detail: String }

    private let queue: DatabaseQueue
    let directory: String

    init(of directory: String) throws {
        self.directory = directory
        var configuration = Configuration()
        configuration.readonly = true
        queue = try DatabaseQueue(path: RunLayout(directory)[.journal], configuration: configuration)
    }

    func events() throws -> [Event] {
        try queue.read {
            try Row.fetchAll($0, sql: "SELECT time_ms, kind, detail FROM event ORDER BY id").map {
                Event(at: $0["time_ms"], kind: $0["kind"], detail: $0["detail"])
            }
        }
    }

    /// Milliseconds between the commits of steps, without the first, which includes the start.
    func secondsPerStep() throws -> Double? {
        try queue.read { database in
            guard
                let row = try Row.fetchOne(
                    database,
                    sql: "SELECT min(committed_ms) AS first, max(committed_ms) AS last, count(*) AS n FROM step"),
                let first: Int64 = row["first"], let last: Int64 = row["last"]
            else { return nil }
            let count: Int = row["n"]
            return count > 1 ? Double(last - first) / 1000 / Double(count - 1) : nil
        }
    }

    /// Sentences about what does not hold; none when all does.
    ///
    /// - Parameter other: the undisturbed run, with whose jobs this one's must agree.
    func violations(steps: Int, like other: History?) throws -> [String] {
        var found: [String] = []
        func hold(_ condition: Bool, _ words: @autoclosure () -> String) { if !condition { found.append(words()) } }
        try queue.read { database in
            func numbers(_ sql: String) throws -> [Int] { try Int.fetchAll(database, sql: sql) }

            let committed = try numbers("SELECT step FROM step ORDER BY step")
            hold(committed == Array(0..<steps), "committed are the steps \(committed), not 0 to \(steps - 1)")
            let order = try numbers("SELECT step FROM step ORDER BY committed_ms, step")
            hold(order == committed, "steps were committed in the order \(order)")
            let said = try events(database, "step").compactMap { Int($0) }
            hold(said == committed, "the journal has the commits \(said) in this order")

            let again = try numbers("SELECT count(*) FROM job WHERE counted <> 1")[0]
            hold(again == 0, "\(again) jobs count more or less than once")
            let strange = try numbers(
                "SELECT count(*) FROM job WHERE step NOT IN (SELECT step FROM step)")[0]
            hold(strange == 0, "\(strange) jobs are of no committed step")
            let late = try numbers(
                "SELECT count(*) FROM job JOIN step USING (step) WHERE completed_ms > committed_ms")[0]
            hold(late == 0, "\(late) results were counted after the commit of their step")
            let lonely = try numbers(
                """
                SELECT count(*) FROM trajectory t WHERE NOT EXISTS (SELECT 1 FROM job j WHERE j.step = t.step
                AND j.number = t.number AND j.kind = t.kind AND j.part = t.part)
                """)[0]
            hold(lonely == 0, "\(lonely) results belong to no job")

            let spent = try numbers(
                """
                SELECT count(*) FROM trajectory WHERE step <
                (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'checkpoint')
                """)[0]
            hold(spent == 0, "\(spent) results are kept that the learner's checkpoint has")

            let epochs = try events(database, "start").compactMap { $0.split(separator: " ").last }.compactMap {
                Int($0)
            }
            hold(zip(epochs, epochs.dropFirst()).allSatisfy(<), "the epochs \(epochs) do not grow")
            let versions = try numbers("SELECT version FROM weights WHERE kind = 'policy' ORDER BY version")
            hold(versions.last == steps, "the newest version of the policy is \(versions.last ?? -1), not \(steps)")
            for violation in try Self.endings(
                String.fetchAll(database, sql: "SELECT kind FROM event ORDER BY id"))
            {
                found.append(violation)
            }
        }
        if let other {
            let (own, theirs) = (try jobs(), try other.jobs())
            let (made, expected) = (try weights(), try other.weights())
            if let step = zip(made, expected).enumerated().first(where: { $1.0 != $1.1 })?.offset {
                found.append("step \(step + 1) led to other weights than in the undisturbed run")
            }
            hold(own == theirs, "its jobs are not those of the undisturbed run: \(own.count) and \(theirs.count)")
        }
        let lines = try Self.steps(in: RunLayout(directory)[.metrics])
        hold(lines == Array(0..<steps), "metrics.jsonl has the steps \(lines)")
        let trajectories = try samples()
        let twice = Dictionary(grouping: trajectories) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
        hold(twice.isEmpty, "samples.jsonl has answers twice: \(twice.prefix(3))")
        if let other {
            hold(try trajectories == other.samples(), "samples.jsonl is not that of the undisturbed run")
        }
        return found
    }

    /// What is wrong with how the run's coordinators ended, from the kinds of its events in order: each says at most once that
    /// the run is done, none before the last step, and the last one does. A coordinator that is killed after it said so is
    /// started again and says it, too.
    private static func endings(_ kinds: [String]) -> [String] {
        var found: [String] = []
        let lives = kinds.split(separator: "start", omittingEmptySubsequences: false)
        for (number, life) in lives.enumerated() {
            let times = life.count { $0 == "done" }
            if times > 1 { found.append("coordinator \(number) says \(times) times that the run is done") }
        }
        if lives.last?.contains("done") != true {
            found.append("the last coordinator does not say that the run is done")
        }
        if let done = kinds.firstIndex(of: "done"), kinds[done...].contains("step") {
            found.append("a step was committed after the run was done")
        }
        return found
    }

    private func events(_ database: Database, _ kind: String) throws -> [String] {
        try String.fetchAll(database, sql: "SELECT detail FROM event WHERE kind = ? ORDER BY id", arguments: [kind])
    }

    /// Of each step, what it made of the policy.
    private func weights() throws -> [String] {
        try queue.read { try String.fetchAll($0, sql: "SELECT coalesce(weights, '') FROM step ORDER BY step") }
    }

    private func jobs() throws -> [String] {
        try queue.read {
            try String.fetchAll(
                $0,
                sql:
                    "SELECT step || '/' || kind || '/' || number || '/' || part FROM job ORDER BY step, kind, number, part"
            )
        }
    }

    private struct Line: Decodable {
        var step: Double; var row: Int?; var occurrence: Int?; var sample: Int?; var response: String?
    }

    private static func lines(_ path: String) throws -> [Line] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }

    private static func steps(in path: String) throws -> [Int] { try lines(path).map { Int($0.step) } }

    private func samples() throws -> [String] {
        try Self.lines(RunLayout(directory)[.samples]).map {
            "step \(Int($0.step)) row \($0.row ?? -1) occurrence \($0.occurrence ?? -1) sample \($0.sample ?? -1): \($0.response ?? "")"
        }
    }
}
