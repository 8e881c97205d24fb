using System.Runtime.CompilerServices;

// The codec and the queues are tested directly; they are no part of the public API.
[assembly: InternalsVisibleTo("Fedxr.Core.Tests")]
[assembly: InternalsVisibleTo("Fedxr.Core.Runner")]
[assembly: InternalsVisibleTo("Fedxr.Tests.Editor")]

// Reads what sensors add to a frame, where they are observations instead of channels.
[assembly: InternalsVisibleTo("Fedxr.MLAgents")]
