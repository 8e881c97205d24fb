using NUnit.Framework;

namespace Fedxr
{
    public class InboxTests
    {
        [Test]
        public void OfRepliesTheNewestStayAndNoCueIsLostToThem()
        {
            var inbox = new Inbox();
            inbox.Put(new Cue { Kind = "label" });
            for (int seq = 1; seq <= 100; seq++)
            {
                Reply reply = inbox.Rent();
                reply.Seq = seq;
                inbox.Put(reply);
            }
            Message message;
            Assert.IsTrue(inbox.Take(out message));
            Assert.IsInstanceOf<Cue>(message);
            for (int seq = 69; seq <= 100; seq++)
            {
                Assert.IsTrue(inbox.Take(out message));
                Assert.AreEqual(seq, ((Reply)message).Seq);
            }
            Assert.IsFalse(inbox.Take(out message));
            Assert.IsNull(message);
            Assert.AreEqual(68, inbox.Unread);
        }

        [Test]
        public void OfAllElseTheNewest256Stay()
        {
            var inbox = new Inbox();
            for (int i = 0; i < 300; i++)
                inbox.Put(new Notice("n", i.ToString()));
            Message message;
            inbox.Take(out message);
            Assert.AreEqual("44", ((Notice)message).Text);
            Assert.AreEqual(44, inbox.Unread);
        }

        [Test]
        public void AReplyIsUsedAgainOnlyAfterTheNextCall()
        {
            var inbox = new Inbox();
            Reply first = inbox.Rent();
            inbox.Put(first);
            Message message;
            inbox.Take(out message);
            Assert.AreSame(first, message);
            Assert.AreNotSame(first, inbox.Rent());
            inbox.Take(out message);
            Assert.AreSame(first, inbox.Rent());
        }
    }
}
