/// How a command ends; the numbers are part of the interface (service managers decide by them whether to restart).
package enum ExitStatus: Int32, Sendable {
    case done = 0
    case failed = 1
    case usage = 2
    /// The run is over, but its policy is probably worth less than its start.
    case degraded = 3
    /// Trying again later may work: the coordinator is away, a port is in use.
    case tryAgain = 75
    /// The configuration or a file it names is wrong: restarting changes nothing.
    case configuration = 78
}

/// An error that already knows how the process should end. The message names the file, key or address and what to do.
package struct CommandError: Error, CustomStringConvertible, Sendable {
    package let status: ExitStatus
    package let message: String

    package init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    package var description: String { message }
}
