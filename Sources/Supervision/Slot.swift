package import ClusterModel

/// The place of one process of a run; the process in it may change.
package enum Slot: Hashable, Comparable, Sendable, CustomStringConvertible {
    case coordinator
    case learner
    case worker(Role, Int)

    /// The name by which the process joins the run, and that of its log.
    package var description: String {
        switch self {
        case .coordinator: "coordinator"
        case .learner: "learner"
        case .worker(let role, let number): "\(role.rawValue)-\(number)"
        }
    }

    package static func < (a: Slot, b: Slot) -> Bool { a.order < b.order }

    private var order: (Int, String, Int) {
        switch self {
        case .coordinator: (0, "", 0)
        case .learner: (1, "", 0)
        case .worker(let role, let number): (2, role.rawValue, number)
        }
    }
}

/// How a process ended.
package enum Ending: Sendable, Hashable, CustomStringConvertible {
    case exit(Int32)
    case signal(Int32)
    /// The kernel ended it, because the machine's memory was used up.
    case outOfMemory

    package var description: String {
        switch self {
        case .exit(let code): "exit code \(code)"
        case .signal(let number): "signal \(number)"
        case .outOfMemory: "killed by the kernel for lack of memory"
        }
    }
}
