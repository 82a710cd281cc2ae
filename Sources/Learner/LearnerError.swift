/// What stops a step or the learner; the message names the file, sample or setting and what to do.
package struct LearnerError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, Sendable {
        /// A batch from the coordinator does not fit the model or itself.
        case batch
        /// A setting is outside its range.
        case setting
        /// A checkpoint is missing, damaged or of another run.
        case checkpoint
        /// Reading or writing failed: disk full, permissions.
        case io
        /// Guard rails ended the run.
        case diverged
        /// The coordinator said something that the learner did not ask for, or nothing in time.
        case cluster
        /// Another process is the run's learner at this moment.
        case taken
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String {
        cause.map { "\(code.rawValue): \(message) (\($0))" } ?? "\(code.rawValue): \(message)"
    }
}
