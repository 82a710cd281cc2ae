import ClusterModel

/// Whether the run can make progress, part by part.
struct Readiness {
    private let checks: [(name: String, problem: String?)]

    init(_ snapshot: ClusterSnapshot) {
        func ready(_ role: String) -> String? {
            let counts = snapshot.workers[role]
            return (counts?.ready ?? 0) > 0 ? nil : "none ready"
        }
        checks = [
            ("journal", snapshot.state == .failed ? "the run failed" : nil),
            ("learner", snapshot.learner.state == "missing" ? "missing" : nil),
            ("weights", snapshot.state == .starting ? "not published yet" : nil),
            ("generators", ready("generator")),
            ("scorers", ready("scorer")),
        ]
    }

    var isReady: Bool { checks.allSatisfy { $0.problem == nil } }

    var lines: String {
        checks.map { check in check.problem.map { "[-]\(check.name) \($0)" } ?? "[+]\(check.name) ok" }.joined(
            separator: "\n")
            + "\n"
    }
}
