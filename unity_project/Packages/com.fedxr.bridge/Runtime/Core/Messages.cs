using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>What the server says and <see cref="BridgeClient.Poll"/> hands over: a
    /// <see cref="Reply"/>, <see cref="Cue"/>, <see cref="Notice"/> or <see cref="Bye"/>.</summary>
    public abstract class Message
    {
    }

    /// <summary>What the model says. The object is used again: it holds until the next call of
    /// <see cref="BridgeClient.Poll"/>.</summary>
    public sealed class Reply : Message
    {
        readonly List<Answer> answers = new List<Answer>();

        /// <summary>The newest frame that the answers have seen.</summary>
        public long Seq { get; internal set; }

        /// <summary>When that frame was captured, microseconds on the headset's clock.</summary>
        public long CaptureUs { get; internal set; }

        /// <summary>One answer per task.</summary>
        public IReadOnlyList<Answer> Answers => answers;

        internal List<Answer> List => answers;

        /// <summary>The answer on <paramref name="task"/>, or null when there is none.</summary>
        public Answer Find(string task)
        {
            for (int i = 0; i < answers.Count; i++)
                if (answers[i].Task == task)
                    return answers[i];
            return null;
        }
    }

    /// <summary>What the model says on one task.</summary>
    public sealed class Answer
    {
        /// <summary>The task's name.</summary>
        public string Task { get; internal set; }

        internal byte[] TaskUtf8 { get; set; }

        /// <summary>Probability of each class.</summary>
        public float[] P { get; internal set; } = new float[0];

        /// <summary>The class that the model picks.</summary>
        public int Best { get; internal set; }

        /// <summary>Version of the weights that answered.</summary>
        public int Model { get; internal set; }

        /// <summary>Probability of <see cref="Best"/>; 0 when no probabilities were sent.</summary>
        public float Confidence => Best < P.Length ? P[Best] : 0;
    }

    /// <summary>What the scene is to do.</summary>
    public sealed class Cue : Message
    {
        /// <summary>The act: <c>label</c>, <c>hint</c>, <c>warning</c>, <c>effector</c>, … or
        /// <c>clear</c>, which takes back what the task's last cue began.</summary>
        public string Kind { get; internal set; }

        /// <summary>The task that the cue answers; empty when the application named none.</summary>
        public string Task { get; internal set; }

        /// <summary>What the act needs: texts (string), whole numbers (long), other numbers (double),
        /// booleans, lists (List&lt;object&gt;) and maps like this one.</summary>
        public Dictionary<string, object> Payload { get; internal set; }

        /// <summary>How sure the agent is, 0 to 1.</summary>
        public double Confidence { get; internal set; }
    }

    /// <summary>Something went wrong, was dropped, or is worth knowing.</summary>
    public sealed class Notice : Message
    {
        internal Notice(string code, string text)
        {
            Code = code;
            Text = text;
        }

        /// <summary>One word, for example <c>dropped</c>; PROTOCOL.md lists them. <c>reconnected</c>
        /// and <c>not-finite</c> may come from this side.</summary>
        public string Code { get; }

        /// <summary>For a person to read.</summary>
        public string Text { get; }

        /// <summary>What is counted, by channel or kind; empty for most notices.</summary>
        public Dictionary<string, long> Counts { get; } = new Dictionary<string, long>();

        /// <summary>The frame or feedback that is meant; 0 when none is.</summary>
        public long Seq { get; internal set; }
    }

    /// <summary>The server ends the session, for now or for good.</summary>
    public sealed class Bye : Message
    {
        /// <summary>Why.</summary>
        public string Reason { get; internal set; }

        /// <summary>Whether it stops for now only; the client comes back by itself.</summary>
        public bool Again { get; internal set; }

        internal long LastSeq { get; set; }
    }

    /// <summary>The server's answer to the headset's hello.</summary>
    public sealed class Welcome
    {
        /// <summary>Version of the protocol that both speak.</summary>
        public int Version { get; internal set; }

        /// <summary>The session's id; it outlives lost connections.</summary>
        public string Session { get; internal set; }

        /// <summary>The accepted channels and their numbers.</summary>
        public Dictionary<string, int> Channels { get; internal set; }

        /// <summary>The other channels and why they were refused.</summary>
        public Dictionary<string, string> Refused { get; internal set; }

        /// <summary>The tasks that will be answered.</summary>
        public List<string> Tasks { get; internal set; }

        /// <summary>The model's time step in microseconds.</summary>
        public long TickUs { get; internal set; }

        /// <summary>The server's clock when it said so, microseconds.</summary>
        public long ServerUs { get; internal set; }

        /// <summary>Bytes of the longest message that the server takes.</summary>
        public int MaxMessage { get; internal set; }

        internal long LastSeq { get; set; }
    }

    /// <summary>What a user's feedback says.</summary>
    public enum FeedbackKind
    {
        /// <summary>The class that was right, as an index.</summary>
        Label,

        /// <summary>The class that should have been answered, as an index.</summary>
        Correction,

        /// <summary>A mark from 0 to 10.</summary>
        Rating,

        /// <summary>Takes back the last feedback on that task and time.</summary>
        Undo
    }
}
