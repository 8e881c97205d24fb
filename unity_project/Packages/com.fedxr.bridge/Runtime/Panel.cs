using System;
using System.Collections.Generic;
using System.Text;
using UnityEngine;

namespace Fedxr
{
    /// <summary>A board in the world that tells how the agent is doing, and takes the user's labels.
    /// It builds itself: put it on an empty object whose Z axis points away from the reader.</summary>
    /// <remarks>It shows the connection, the latency and, for each task, the newest answer and how
    /// sure it is. Below stand the classes of one task: pressing one tells the agent that this was
    /// right at the newest answered moment. The mouse presses by a click, a pointer (the ray of a
    /// hand or a controller) by resting on a button, a finger by poking it; on the keyboard Tab goes
    /// to the next task, and the arrows with Return choose a class.</remarks>
    [AddComponentMenu("fedxr/Panel")]
    [DisallowMultipleComponent]
    public sealed class Panel : MonoBehaviour
    {
        const float TextEverySeconds = 0.25f;
        const float LineHigh = 0.044f, StatusHigh = 0.31f; // metres, for all lines of the status

        [SerializeField] HeadsetConnection connection;

        [Tooltip("The camera through which the mouse points; empty: the main camera.")]
        [SerializeField] Camera view;

        [Tooltip("Hands or controllers that point along their Z axis.")]
        [SerializeField] Transform[] pointers = new Transform[0];

        [Tooltip("Seconds that a pointer must rest on a button to press it.")]
        [Min(0.1f)]
        [SerializeField] float dwellSeconds = 0.8f;

        readonly Dictionary<string, Answered> newest = new Dictionary<string, Answered>();
        readonly StringBuilder words = new StringBuilder();
        PanelButtons buttons;
        PanelPointer[] fingers;
        TextMesh status, heading;
        ScenarioTask task;
        string told = "";
        int chosen;
        float nextTextAt;

        struct Answered
        {
            internal int Best;
            internal float Confidence;
        }

        /// <summary>What the board says of connection and answers.</summary>
        public string Status => status == null ? "" : status.text;

        /// <summary>The task whose classes stand on the buttons; null before the welcome.</summary>
        public ScenarioTask Task => task;

        /// <summary>Tell that <paramref name="label"/> was right for <see cref="Task"/>, as its button
        /// does.</summary>
        public void Press(int label)
        {
            if (task == null || label < 0 || label >= task.Classes.Count)
                return;
            chosen = label;
            bool heard = connection.Say(task.Name, label);
            told = heard ? "told: " + task.Name + " = " + task.Classes[label] : "nothing is answered yet";
            nextTextAt = 0;
        }

        /// <summary>Put the classes of the next answered task on the buttons.</summary>
        public void NextTask()
        {
            List<ScenarioTask> answered = AnsweredTasks();
            if (answered.Count == 0)
                return;
            task = answered[(answered.IndexOf(task) + 1) % answered.Count];
            chosen = 0;
            buttons.Show(task.Classes);
            nextTextAt = 0;
        }

        void Awake()
        {
            PanelParts.Board(transform);
            status = PanelParts.Text(transform, "Status", new Vector3(-0.57f, 0.38f, 0), LineHigh);
            heading = PanelParts.Text(transform, "Heading", new Vector3(-0.57f, 0.04f, 0), LineHigh);
            buttons = new PanelButtons(transform);
            fingers = new PanelPointer[pointers.Length];
            for (int i = 0; i < fingers.Length; i++)
                fingers[i] = new PanelPointer(pointers[i], dwellSeconds);
            if (view == null)
                view = Camera.main;
        }

        void OnEnable()
        {
            if (connection == null)
            {
                Debug.LogError("fedxr: the panel has no connection; drag the scene's Headset "
                    + "Connection onto its field of that name", this);
                enabled = false;
                return;
            }
            connection.ReplyArrived += Keep;
        }

        void OnDisable()
        {
            if (connection != null)
                connection.ReplyArrived -= Keep;
        }

        void Update()
        {
            if (task == null)
                NextTask();
            else
                ReadInput();
            if (Time.unscaledTime < nextTextAt)
                return;
            nextTextAt = Time.unscaledTime + TextEverySeconds;
            status.text = StatusText();
            PanelParts.SetHeight(status, Math.Min(LineHigh, StatusHigh / (2 + newest.Count)));
            heading.text = task == null ? "" : "What was it (" + task.Name + ")?  " + told;
        }

        void ReadInput()
        {
            if (UserInput.Down(KeyCode.Tab))
                NextTask();
            if (UserInput.Down(KeyCode.RightArrow))
                chosen = Math.Min(chosen + 1, task.Classes.Count - 1);
            if (UserInput.Down(KeyCode.LeftArrow))
                chosen = Math.Max(chosen - 1, 0);
            if (UserInput.Down(KeyCode.Return))
                Press(chosen);
            buttons.Choose(chosen);
            if (view != null && UserInput.Clicked)
                Press(buttons.At(view.ScreenPointToRay(UserInput.MousePlace)));
            foreach (PanelPointer finger in fingers)
                Press(finger.Pressed(buttons, Time.unscaledTime));
        }

        void Keep(Reply reply)
        {
            for (int i = 0; i < reply.Answers.Count; i++)
            {
                Answer answer = reply.Answers[i];
                newest[answer.Task] = new Answered
                {
                    Best = answer.Best,
                    Confidence = answer.Confidence,
                };
            }
        }

        List<ScenarioTask> AnsweredTasks()
        {
            var tasks = new List<ScenarioTask>();
            BridgeClient client = connection.Client;
            IEnumerable<string> names = newest.Keys; // where another way leads to the agent
            if (client != null)
                names = client.Welcome == null ? new List<string>() : client.Welcome.Tasks;
            foreach (string name in names)
                if (connection.Scenario != null && connection.Scenario.Task(name) != null)
                    tasks.Add(connection.Scenario.Task(name));
            return tasks;
        }

        string StatusText()
        {
            BridgeClient client = connection.Client;
            if (client == null && connection.Link == null)
                return "not connected: the console says why";
            words.Length = 0;
            words.Append(client == null ? "connected through ML-Agents" : Name(client.State));
            if (client != null && client.State != ConnectionState.Open && !string.IsNullOrEmpty(client.Trouble))
                words.Append(": ").Append(client.Trouble);
            words.AppendFormat("\n{0:0} ms (p99 {1:0})", connection.Latency.P50, connection.Latency.P99);
            if (client != null)
                words.AppendFormat(", {0} frames, {1} lost",
                    client.Stats.FramesSent, client.Stats.FramesDropped);
            foreach (ScenarioTask asked in AnsweredTasks())
            {
                Answered answer;
                words.Append("\n").Append(asked.Name).Append(": ");
                if (newest.TryGetValue(asked.Name, out answer))
                    words.AppendFormat("{0}, {1:0} %", asked.Classes[answer.Best], 100 * answer.Confidence);
                else
                    words.Append("no answer yet");
            }
            return words.ToString();
        }

        static string Name(ConnectionState state)
        {
            switch (state)
            {
                case ConnectionState.Open: return "connected";
                case ConnectionState.Waiting: return "lost, trying again";
                case ConnectionState.Connecting: return "connecting";
                case ConnectionState.Ended: return "ended";
                default: return "not started";
            }
        }
    }
}
