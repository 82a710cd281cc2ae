import Foundation

/// A line of the report, at once, so that one who watches sees it although it goes into a file or a pipe.
func say(_ line: String) { try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8)) }
