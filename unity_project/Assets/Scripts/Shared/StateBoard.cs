using System.Collections.Generic;
using System.Text;
using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Says what the simulated user is at and which keys change it; the space bar tells the agent the
    /// truth about it, as a user would who wants to teach it.
    /// </summary>
    public sealed class StateBoard : MonoBehaviour
    {
        const float TextEverySeconds = 0.25f;

        [SerializeField] HeadsetConnection connection;
        [SerializeField] SimulatedPerson person;
        [SerializeField] TextMesh text;

        [Tooltip("What else can be done in this scene, one line each.")]
        [SerializeField] string[] more = new string[0];

        readonly HashSet<string> answered = new HashSet<string>();
        readonly StringBuilder words = new StringBuilder();
        string told = "";
        float nextTextAt;

        void OnEnable()
        {
            connection.ReplyArrived += Note;
        }

        void OnDisable()
        {
            connection.ReplyArrived -= Note;
        }

        void Note(Reply reply)
        {
            for (int i = 0; i < reply.Answers.Count; i++)
                answered.Add(reply.Answers[i].Task);
        }

        void Update()
        {
            if (UserInput.Down(KeyCode.Space))
                TellTheTruth();
            if (Time.unscaledTime < nextTextAt)
                return;
            nextTextAt = Time.unscaledTime + TextEverySeconds;
            text.text = Words();
        }

        void TellTheTruth()
        {
            told = "";
            foreach (Course course in person.Scenario.Courses)
            {
                string task = course.Task.Name;
                if (answered.Contains(task) && connection.Say(task, person.StateOf(task)))
                    told += " " + task + " = " + Name(course);
            }
            told = told.Length == 0 ? "nothing is answered yet" : "told:" + told;
            nextTextAt = 0f;
        }

        string Words()
        {
            words.Length = 0;
            words.Append(person.Lives
                ? "The simulated user lives by itself; keys take over."
                : "The simulated user does what you chose.");
            for (int i = 0; i < person.Scenario.Courses.Count; i++)
            {
                Course course = person.Scenario.Courses[i];
                words.Append("\n\n").Append(course.Task.Name).Append(": ").Append(Name(course));
                words.Append(i == 0 ? "\n" : "\nwith Shift ");
                for (int k = 0; k < course.Task.Classes.Count; k++)
                {
                    words.Append(k > 0 && k % 3 == 0 ? "\n" : " ");
                    words.Append('[').Append(k + 1).Append("] ").Append(course.Task.Classes[k]);
                }
            }
            words.Append("\n\n[Space] tell the agent the truth");
            foreach (string line in more)
                words.Append('\n').Append(line);
            return words.Append('\n').Append(told).ToString();
        }

        string Name(Course course)
        {
            return course.Task.Classes[person.StateOf(course.Task.Name)];
        }
    }
}
