/// What is wrong with a data set; the message names file and line and says what to do.
package struct DatasetError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, Sendable {
        /// The file cannot be opened, read or written.
        case io
        /// The file is of another format; the message says how to convert it.
        case format
        /// A line is not what the file should hold.
        case line
        /// The file holds nothing of use.
        case empty
        /// A setting cannot work.
        case setting
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String { cause.map { "\(message) (\($0))" } ?? message }
}
