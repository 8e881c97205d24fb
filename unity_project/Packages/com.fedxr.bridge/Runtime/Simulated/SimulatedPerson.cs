using System;
using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    /// <summary>Who stands in where nobody wears a sensor: the scenario's hidden states, which the
    /// simulated sensors show. Put it on the <see cref="HeadsetConnection"/>'s object.</summary>
    /// <remarks>The states live by themselves as in the Python package's worlds: episodes of the
    /// scenario's length, quick states changing within them. Keys take over: 1 to 9 choose a class of
    /// the first state, with Shift of the second. Scripts do it with <see cref="SetState"/>.</remarks>
    [DisallowMultipleComponent]
    [RequireComponent(typeof(HeadsetConnection))]
    [AddComponentMenu("fedxr/Simulated Person")]
    public sealed class SimulatedPerson : MonoBehaviour, IStates
    {
        [Tooltip("Whether the states change by themselves.")]
        [SerializeField] bool livesByItself = true;

        [Tooltip("Seconds for which a state stays that was chosen by key or script.")]
        [Min(0)]
        [SerializeField] float chosenSeconds = 20;

        [Tooltip("Names all chances: the same number, the same person and life.")]
        [SerializeField] int seed = 1;

        readonly Dictionary<string, int> states = new Dictionary<string, int>();
        double[] changesIn;
        double episodeEnds, chosenUntil;
        HeadsetConnection connection;
        Noise noise;

        /// <summary>The scene's scenario.</summary>
        public Scenario Scenario => Connection.Scenario;

        /// <summary>Whether the states change by themselves now.</summary>
        public bool Lives => livesByItself && Time.timeAsDouble >= chosenUntil;

        HeadsetConnection Connection =>
            connection ? connection : connection = GetComponent<HeadsetConnection>();

        /// <inheritdoc/>
        public int StateOf(string task)
        {
            int state;
            return states.TryGetValue(task, out state) ? state : 0;
        }

        /// <summary>Choose the state of <paramref name="task"/>, for example because the user looks at
        /// another machine. Context starts anew where the state is one that keeps for whole
        /// episodes.</summary>
        /// <exception cref="ArgumentException">The scenario has no such state.</exception>
        public void SetState(string task, int state)
        {
            Course course = Find(task);
            if (state < 0 || state >= course.Task.Classes.Count)
                throw new ArgumentException("state " + state + " of " + task + "; allowed are 0 to "
                    + (course.Task.Classes.Count - 1));
            chosenUntil = Time.timeAsDouble + chosenSeconds;
            if (StateOf(task) == state)
                return;
            states[task] = state;
            if (!course.IsQuick)
                NewEpisode();
        }

        /// <summary>Chance for one sensor of this person.</summary>
        internal Noise NoiseOf(string sensor)
        {
            int sum = seed;
            foreach (char c in sensor)
                sum = unchecked(31 * sum + c);
            return new Noise(sum);
        }

        void Awake()
        {
            if (Scenario == null)
            {
                Debug.LogError("fedxr: a simulated person needs the connection's scenario file", this);
                enabled = false;
                return;
            }
            noise = NoiseOf("life");
            changesIn = new double[Scenario.Courses.Count];
            for (int i = 0; i < changesIn.Length; i++)
                Begin(i);
            episodeEnds = Time.timeAsDouble + Scenario.EpisodeSeconds;
        }

        void Update()
        {
            ReadKeys();
            if (!Lives)
                return;
            bool over = Time.timeAsDouble >= episodeEnds;
            for (int i = 0; i < changesIn.Length; i++)
            {
                changesIn[i] -= Time.deltaTime;
                if (changesIn[i] <= 0 && (over || Scenario.Courses[i].IsQuick))
                    Begin(i);
            }
            if (over)
                NewEpisode();
        }

        void NewEpisode()
        {
            episodeEnds = Time.timeAsDouble + Scenario.EpisodeSeconds;
            Connection.NewEpisode();
        }

        /// <summary>The course's next state: any but the one that was, for a time by chance.</summary>
        void Begin(int course)
        {
            Course its = Scenario.Courses[course];
            int count = its.Task.Classes.Count;
            int state = states.ContainsKey(its.Task.Name)
                ? (StateOf(its.Task.Name) + 1 + noise.Below(count - 1)) % count
                : noise.Below(count);
            states[its.Task.Name] = state;
            changesIn[course] = its.HeldSeconds + its.DwellSeconds * noise.Wait();
        }

        void ReadKeys()
        {
            int course = UserInput.Held(KeyCode.LeftShift) ? 1 : 0;
            if (course >= changesIn.Length)
                return;
            ScenarioTask task = Scenario.Courses[course].Task;
            for (int i = 0; i < task.Classes.Count && i < 9; i++)
                if (UserInput.Down(KeyCode.Alpha1 + i))
                    SetState(task.Name, i);
        }

        Course Find(string task)
        {
            foreach (Course course in Scenario.Courses)
                if (course.Task.Name == task)
                    return course;
            throw new ArgumentException("scenario " + Scenario.UseCase + " has no state " + task);
        }
    }
}
